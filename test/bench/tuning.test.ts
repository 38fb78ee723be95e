import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodePlatform } from '../../engine/gpu/node.ts';
import { TileTable } from '../../engine/gpu/tiles.ts';
import { shapeClass, sourceHash, Tuning } from '../../engine/gpu/tuner.ts';
import type { AnyKernel, Dims } from '../../kernels/kernel.ts';
import { double, makeFolder } from './support.ts';

const test = suite('tuning table');

const folder = makeFolder();
const kernel = double(folder, 'twice');
const other = double(folder, 'other');
const facts = {
  software: true,
  subgroups: false,
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
  f16: false,
  maxWorkgroupSize: 256,
  maxWorkgroupStorage: 0,
};
const sourcesOf = (...kernels: AnyKernel[]): Map<string, string> =>
  new Map(
    kernels
      .flatMap(({ variants }) => variants.map(({ source }) => source))
      .map((file) => [file.href, readFileSync(file, 'utf8')]),
  );
const sources = sourcesOf(kernel, other);
const tuned = { variant: 'plain', tile: { WG: 32 } };
const tileOf = (tuning: Tuning, count = 77) => new TileTable(facts, tuning).choose(kernel, { count }).tile.WG;

test('a choice survives saving and loading and is used', async () => {
  const platform = nodePlatform({ cache: new URL('cache/', folder) });
  const tuning = new Tuning(sources);
  assert.ok(tuning.empty);
  assert.is(tileOf(tuning), 64, 'the default where nothing is stored');
  tuning.keep(kernel, { count: 77 }, 'f32', tuned);
  await platform.saveTuning('card', tuning.table([kernel, other]));
  const loaded = new Tuning(sources, await platform.loadTuning('card'));
  assert.is(tileOf(loaded), 32);
  assert.is(new TileTable(facts, loaded).choose(other, { count: 77 }).tile.WG, 64);
});

test('a choice holds for its class of shapes and its storage type', () => {
  const tuning = new Tuning(sources);
  tuning.keep(kernel, { count: 77 }, 'f32', tuned);
  assert.equal(
    [64, 127, 63, 128].map((count) => tileOf(tuning, count)),
    [32, 32, 64, 64],
  );
  assert.is(tuning.find(kernel, { count: 77 }, 'f16'), undefined);
  assert.is(
    shapeClass({ ...kernel, dims: { rows: 'u32', eps: 'f32', flag: 'u32' } }, { rows: 5, eps: 9, flag: 0 }),
    '3.0',
  );
});

test('a launch that stores anything in f16 goes by the choice for f16', () => {
  const [x, y] = Object.values(kernel.buffers);
  const stored: AnyKernel = {
    ...kernel,
    buffers: { x: { ...x, dtype: 'a_t' }, y: { ...y, dtype: 'store_t' } },
  };
  const tuning = new Tuning(sources);
  tuning.keep(stored, { count: 77 }, 'f32', tuned);
  tuning.keep(stored, { count: 77 }, 'f16', { variant: 'plain', tile: { WG: 16 } });
  const table = new TileTable(facts, tuning);
  const all = ['f32', 'f16', {}, { a_t: 'f16' }, { store_t: 'f16' }, { store_t: 'f32' }] as const;
  assert.equal(
    all.map((stores) => table.choose(stored, { count: 77 }, stores).tile.WG),
    [32, 16, 32, 16, 16, 32],
  );
});

test('a choice made for another source is ignored and not saved again', () => {
  const before = new Tuning(sources);
  before.keep(kernel, { count: 77 }, 'f32', tuned);
  before.keep(other, { count: 77 }, 'f32', tuned);
  const file = kernel.variants[0].source;
  writeFileSync(file, `${readFileSync(file, 'utf8')}// faster now\n`);
  const after = new Tuning(sourcesOf(kernel, other), before.table([kernel, other]));
  assert.is(tileOf(after), 64);
  assert.is(new TileTable(facts, after).choose(other, { count: 77 }).tile.WG, 32);
  assert.equal(
    Object.keys(after.table([kernel, other])).map((key) => key.split(' ')[0]),
    ['other'],
  );
  assert.equal(Object.keys(after.table([kernel])), []);
});

test('the hash sees shaders, helpers and tile spaces', () => {
  const helper = new URL('helper.wgsl', folder);
  const [first, plain] = other.variants;
  const withHelper = { ...other, variants: [first, { ...plain, helpers: [helper] }] };
  const text = (value: string) => new Map([...sources, [helper.href, value]]);
  const hashes = [
    sourceHash(other, sources),
    sourceHash(withHelper, text('fn a() {}')),
    sourceHash(withHelper, text('fn b() {}')),
    sourceHash({ ...other, variants: [{ ...plain, tiles: [{ WG: 64 }] }] }, sources),
    sourceHash(other, new Map([...sources, [plain.source.href, 'other']])),
  ];
  assert.is(new Set(hashes).size, hashes.length);
  assert.is(sourceHash(withHelper, text('fn a() {}')), hashes[1]);
});

test('what is forced comes before what is tuned, and an unknown variant counts as none', () => {
  const tuning = new Tuning(sources);
  tuning.keep(kernel, { count: 77 }, 'f32', tuned);
  const table = new TileTable(facts, tuning);
  const [, plain] = kernel.variants;
  table.force(kernel, { variant: plain, tile: { WG: 16 } });
  assert.is(table.choose(kernel, { count: 77 }).tile.WG, 16);
  table.force(kernel, null);
  assert.is(table.choose(kernel, { count: 77 }).tile.WG, 32);
  tuning.keep(other, { count: 77 }, 'f32', { variant: 'few', tile: { WG: 1 } });
  assert.is(table.choose(other, { count: 77 }).tile.WG, 64, 'this variant does not fit the adapter');
});

test('a variant that does not take the sizes is passed over, forced or tuned', () => {
  const [, plain] = kernel.variants;
  const even = { ...plain, name: 'even', takes: (d: Dims) => d.count % 2 === 0 };
  const both: AnyKernel = { ...kernel, variants: [even, plain] };
  const tuning = new Tuning(sources);
  const table = new TileTable(facts, tuning);
  const nameOf = (count: number) => table.choose(both, { count }).variant.name;
  const names = () => [76, 77].map(nameOf);
  assert.equal(names(), ['even', 'plain']);
  assert.equal(
    [table.fitting(both, { count: 77 }), table.fitting(both)].map(({ length }) => length),
    [1, 2],
  );
  // 76 and 77 are of one class
  tuning.keep(both, { count: 76 }, 'f32', { variant: 'even', tile: { WG: 32 } });
  assert.equal(names(), ['even', 'plain']);
  assert.is(table.choose(both, { count: 76 }).tile.WG, 32);
  tuning.keep(both, { count: 76 }, 'f32', { variant: 'plain', tile: { WG: 32 } });
  assert.equal(names(), ['plain', 'plain']);
  table.force(both, { variant: even, tile: { WG: 16 } });
  assert.equal(names(), ['even', 'plain']);
});

test.run();
