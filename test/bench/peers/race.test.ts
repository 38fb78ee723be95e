import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FirstResult } from '../../../bench/peers/messages.ts';
import { parsePeers } from '../../../bench/peers/options.ts';
import { type PeerRow, type Racer, race } from '../../../bench/peers/race.ts';
import { type PeersReport, reportJson, reportMarkdown, workText } from '../../../bench/peers/report.ts';
import type { Arrays, Work } from '../../../bench/peers/works.ts';
import { ConfigError } from '../../../engine/errors.ts';
import { errorOf } from '../../support/error_of.ts';

const work: Work = { kind: 'matmul', name: 'matmul A B 1x1x1', layout: 'NN', m: 100, k: 100, n: 50 };
const truth = { y: Float64Array.of(2, -4) };
const right = { y: Float32Array.of(2, -4) };

/** Takes so many milliseconds a run, by its own clock; writes down what it was asked. */
class Fake implements Racer {
  readonly name: string;
  private readonly times: number[];
  private readonly outputs: Arrays;
  private readonly log: string[];
  private runs = 0;

  constructor(name: string, times: number[], log: string[], outputs: Arrays = right) {
    this.name = name;
    this.times = times;
    this.log = log;
    this.outputs = outputs;
  }

  async prepare(): Promise<FirstResult> {
    this.log.push(`${this.name} prepare`);
    return { outputs: this.outputs, firstMs: 7, note: null };
  }

  async run(count: number): Promise<number> {
    this.log.push(`${this.name} ${count}`);
    const ms = this.times[Math.min(this.runs++, this.times.length - 1)];
    if (Number.isNaN(ms)) throw new Error('its process ended\nwith details');
    return ms * count;
  }

  async release(): Promise<void> {
    this.log.push(`${this.name} release`);
  }
}

const test = suite('peers: race');

test('contenders take turns, and medians are compared with the first', async () => {
  const log: string[] = [];
  // the first is the warm-up
  const racers = [new Fake('A', [900, 600, 640, 610], log), new Fake('B', [5000, 1800, 1830, 9999], log)];
  const [a, b] = await race(work, racers, truth, 3);
  const turns = ['A 1', 'B 1', 'A 1', 'B 1', 'A 1', 'B 1', 'A 1', 'B 1'];
  assert.equal(log, ['A prepare', 'B prepare', ...turns, 'A release', 'B release']);
  assert.equal(a.samples, [600, 640, 610]);
  assert.is(a.ms, 610);
  assert.is(a.minMs, 600);
  assert.is(a.ratio, 1);
  assert.is(b.ms, 1830);
  assert.is(b.ratio, 3);
  assert.is(a.gflops, (2 * 100 * 100 * 50) / 610 / 1e6);
  assert.is(a.maxError, 0);
  assert.is(a.firstMs, 7);
});

test('short runs are timed many at once', async () => {
  const log: string[] = [];
  const [row] = await race(work, [new Fake('A', [60, 0.5], log)], truth, 5);
  assert.is(row.batch, 100);
  assert.is(row.ms, 0.5);
  assert.is(row.samples.length, 5);
});

test('no more than a limit at once', async () => {
  const [row] = await race(work, [new Fake('A', [0.0001], [])], truth, 5);
  assert.is(row.batch, 200);
});

test('a wrong result is not timed, and says by how much it is wrong', async () => {
  const log: string[] = [];
  const wrong = new Fake('B', [600], log, { y: Float32Array.of(2, -3) });
  const [a, b] = await race(work, [new Fake('A', [600], log), wrong], truth, 5);
  assert.is(a.ms, 600);
  assert.is(b.reason, 'wrong result, off by 2.5e-1 of the largest value');
  assert.is(b.maxError, 0.25);
  assert.equal([b.ms, b.ratio], [null, null]);
  assert.not.ok(log.includes('B 1'));
});

test('a missing output is wrong', async () => {
  const [row] = await race(work, [new Fake('A', [600], [], {})], truth, 5);
  assert.match(row.reason!, /^wrong result, off by Infinity/);
  assert.is(row.maxError, null);
});

test('one that fails gives its reason and stops no other', async () => {
  const log: string[] = [];
  const failing = new Fake('B', [600, 600, Number.NaN], log);
  const [a, b, c] = await race(
    work,
    [new Fake('A', [600], log), failing, new Fake('C', [600], log)],
    truth,
    5,
  );
  assert.is(b.reason, 'its process ended');
  assert.is(b.ms, null);
  assert.equal([a.samples.length, c.samples.length], [5, 5]);
  assert.is(log.filter((line) => line === 'B 1').length, 3);
});

test('without the first there are times and no ratios', async () => {
  const [a, b] = await race(work, [new Fake('A', [Number.NaN], []), new Fake('B', [600], [])], truth, 5);
  assert.is(a.reason, 'its process ended');
  assert.is(b.ms, 600);
  assert.is(b.ratio, null);
});

const row = (racer: string, figures: Partial<PeerRow>): PeerRow => ({
  work: 'attention',
  racer,
  ms: 100,
  minMs: 99,
  ratio: 1,
  gflops: 33.21,
  maxError: 1.26e-6,
  firstMs: 1234,
  samples: [100],
  batch: 1,
  reason: null,
  note: null,
  ...figures,
});
const rows = [
  row('ours', {}),
  row('other 1.0', { ms: 456.78, ratio: 4.5678, gflops: null, note: 'unfused' }),
  row('third 2.0', { ms: null, ratio: null, maxError: null, reason: 'computes no gradients' }),
];
const report: PeersReport = {
  conditions: {
    adapter: 'llvmpipe',
    cpu: 'a CPU',
    cores: 2,
    node: 'v20',
    runs: 5,
    loadBefore: 0.25,
    loadAfter: 2,
  },
  racers: ['ours', 'other 1.0', 'third 2.0'],
  rows,
};

test('results are aligned lines', () => {
  assert.is(
    workText(rows),
    [
      'attention',
      '  ours           100 ms    1.00 x  error 1.3e-6   33.2 GFLOP/s  first 1234 ms',
      '  other 1.0      457 ms    4.57 x  error 1.3e-6  first 1234 ms  unfused',
      '  third 2.0  computes no gradients',
    ].join('\n'),
  );
});

test('the JSON holds everything, a row a line', () => {
  const text = reportJson(report);
  assert.equal(JSON.parse(text), JSON.parse(JSON.stringify(report)));
  assert.is(text.split('\n').filter((line) => line.includes('"racer"')).length, 3);
});

test('the Markdown has times with ratios, errors and reasons', () => {
  const lines = reportMarkdown(report).split('\n');
  assert.ok(lines.includes('| work | ours | other 1.0 | third 2.0 |'));
  assert.ok(lines.includes('| attention | 100 | 457 (4.57 x) | - |'));
  assert.ok(lines.includes('| attention | 1.3e-6 | 1.3e-6 | - |'));
  assert.ok(lines.includes('- other 1.0, attention: unfused'));
  assert.ok(lines.includes('- third 2.0, attention: computes no gradients'));
  assert.ok(lines.some((line) => line.includes('a CPU, 2 cores, Node v20. Median of 5 runs')));
});

test('work is chosen by a part of its name', () => {
  const { works, runs, json } = parsePeers(['--peers', '--work', 'block', '--json']);
  assert.equal(
    works.map(({ name }) => name),
    ['block forward', 'block gradient of input', 'block gradients of weights'],
  );
  assert.equal([runs, json], [5, true]);
  assert.is(parsePeers(['--peers', '--json', 'a.json']).json, 'a.json');
});

test('a wrong flag says what is wrong and what is right', () => {
  const refused = (argv: string[]): string => {
    const { message, hint } = errorOf(ConfigError, () => parsePeers(argv));
    return `${message} | ${hint}`;
  };
  assert.match(
    refused(['--peers', '--work', 'conv']),
    /^no work has 'conv' in its name \| There are 'matmul A B/,
  );
  assert.match(refused(['--peers', '--runs', '3']), /'3' is not a whole number of at least 5/);
  assert.match(refused(['--peers', '--json', 'a.txt']), /--json a\.txt does not end in \.json/);
  assert.match(refused(['--peers', '--tune']), /unknown option '--tune'/);
});

test.run();
