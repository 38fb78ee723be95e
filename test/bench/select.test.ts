import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseBench } from '../../bench/kernels/options.ts';
import { type Job, selectJobs } from '../../bench/kernels/select.ts';
import { ConfigError } from '../../engine/errors.ts';
import { TileTable } from '../../engine/gpu/tiles.ts';
import { Tuning } from '../../engine/gpu/tuner.ts';
import { HelpRequest } from '../../engine/host/command.ts';
import type { AdapterFacts, Dims } from '../../kernels/kernel.ts';
import { errorOf } from '../support/error_of.ts';
import { double, makeFolder } from './support.ts';

const test = suite('bench: what is asked for');

const folder = makeFolder();
const kernels = ['twice.forward', 'twice.backward', 'twicer', 'other'].map((name) => double(folder, name));
const facts: AdapterFacts = {
  software: true,
  subgroups: false,
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
  f16: false,
  maxWorkgroupSize: 256,
  maxWorkgroupStorage: 16384,
};
const tiles = new TileTable(facts, new Tuning(new Map()));

const parse = (line: string) => parseBench(line === '' ? [] : line.split(' '));
const select = (line: string): Job[] => selectJobs(kernels, tiles, parse(line));
const shown = (line: string): string[] =>
  select(line).flatMap(({ kernel, caseName, choices }) =>
    choices.map(({ variant, tile }) => `${kernel.name} ${caseName} ${variant.name} ${tile.WG}`),
  );
const refusal = (line: string): string => {
  const { message, hint } = errorOf(ConfigError, () => select(line));
  return `${message}. ${hint}`;
};

test('flags become a request', () => {
  assert.equal(parse(''), {});
  assert.equal(parse('--tune --kernel a'), { tune: true, kernel: 'a' });
  assert.equal(parse('--all-tiles'), { allTiles: true });
  assert.equal(parse('--kernel a --case b --variant c --tile WG=8,ROWS=4 --json f.json --adapter llvmpipe'), {
    kernel: 'a',
    case: 'b',
    variant: 'c',
    tile: { WG: 8, ROWS: 4 },
    json: 'f.json',
    adapter: 'llvmpipe',
  });
});

test('--help tells every flag and example', () => {
  const { text } = errorOf(HelpRequest, () => parse('--help'));
  for (const flag of ['kernel', 'case', 'variant', 'tile', 'all-tiles', 'tune', 'json', 'adapter']) {
    assert.match(text, new RegExp(`^  --${flag}\\b`, 'm'));
  }
  assert.match(text, 'npm run bench -- --kernel layernorm\n');
});

test('wrong flags are refused with the cause', () => {
  assert.match(refusal('--kernal a'), /unknown option '--kernal'.*Did you mean --kernel\?/);
  assert.match(refusal('--tile WG'), /'WG' is not NAME=WHOLE NUMBER/);
  assert.match(refusal('--tile WG=64,ROWS=x'), /'ROWS=x' is not NAME=WHOLE NUMBER/);
  assert.match(refusal('--all-tiles --tile WG=8'), /--tile and --all-tiles exclude each other/);
  assert.match(refusal('--tune --case odd'), /--case and --tune exclude each other/);
  assert.match(refusal('--tune --variant plain'), /--variant and --tune exclude each other/);
  assert.match(errorOf(ConfigError, () => parseBench(['--kernel', ''])).message, '--kernel is empty');
});

test('without names every case of every kernel runs with the default', () => {
  assert.is(select('').length, 8);
  assert.equal(shown('--kernel other'), ['other small plain 64', 'other odd plain 64']);
});

test('a kernel is named in full or by its family, not by the beginning of a word', () => {
  const names = (line: string) => [...new Set(select(line).map(({ kernel }) => kernel.name))];
  assert.equal(names('--kernel twice'), ['twice.forward', 'twice.backward']);
  assert.equal(names('--kernel twice.backward'), ['twice.backward']);
  assert.equal(names('--kernel twicer'), ['twicer']);
});

test('case, tile and --all-tiles choose', () => {
  assert.equal(shown('--kernel other --case odd --all-tiles'), ['other odd plain 64', 'other odd plain 32']);
  assert.equal(shown('--kernel other --case odd --tile WG=16'), ['other odd plain 16']);
  assert.equal(shown('--kernel other --case odd --variant plain'), ['other odd plain 64']);
});

test('a case runs with the variants that take it', () => {
  const [kernel] = kernels;
  const [, plain] = kernel.variants;
  const even = { ...plain, name: 'even', takes: (d: Dims) => d.count % 2 === 0 };
  const jobs = (line: string) => selectJobs([{ ...kernel, variants: [even, plain] }], tiles, parse(line));
  const ran = (line: string) =>
    jobs(line).map(({ caseName, choices }) => [caseName, ...choices.map(({ variant }) => variant.name)]);
  assert.equal(ran(''), [
    ['small', 'even'],
    ['odd', 'plain'],
  ]);
  assert.equal(ran('--tile WG=8 --variant even'), [['small', 'even']]);
  assert.equal(ran('--all-tiles'), [
    ['small', 'even', 'even', 'plain', 'plain'],
    ['odd', 'plain', 'plain'],
  ]);
});

test('unknown names are refused with the nearest one', () => {
  assert.match(
    refusal('--kernel twise'),
    /there is no kernel 'twise'. Did you mean 'twice'\? There are other/,
  );
  assert.match(refusal('--kernel twice.foward'), /Did you mean 'twice\.forward'\?/);
  assert.match(refusal('--case smal'), /there is no case 'smal'. Did you mean 'small'\? .*'odd'/);
  assert.match(refusal('--variant plan'), /there is no variant 'plan'. Did you mean 'plain'\?/);
  assert.match(refusal('--tile WH=8'), /there is no tile constant 'WH'. Did you mean 'WG'\?/);
});

test('a variant that the adapter cannot run is refused as such', () => {
  assert.match(refusal('--variant few'), /variant 'few' does not fit this adapter. Here fit 'plain'/);
});

test.run();
