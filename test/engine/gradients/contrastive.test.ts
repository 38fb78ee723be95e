import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { ConfigError, ShapeError } from '../../../engine/errors.ts';
import { mulberry32 } from '../../../engine/gpu/run.ts';
import { valueAndGrad } from '../../../engine/grad.ts';
import { add, infoNce, logsumexpPool, NO_CONCEPT } from '../../../engine/ops/index.ts';
import type { Tensor } from '../../../engine/tensor.ts';
import { openEngine } from '../../support/device.ts';
import { errorOf } from '../../support/error_of.ts';
import { checkOp, launched, values } from './vjp.ts';

const test = suite('contrastive gradients');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** Which concepts each image shows, and which one each caption names. */
interface Pairs {
  images: number[][];
  captions: number[];
}

const mean = (numbers: ArrayLike<number>): number =>
  Array.from(numbers).reduce((sum, v) => sum + v, 0) / numbers.length;

/** Mean over the wanted entries of -log softmax(z). */
function lineLoss(z: number[], wanted: boolean[]): number {
  const total = Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0));
  return mean(z.filter((_, t) => wanted[t]).map((v) => total - v));
}

/** The symmetric loss, straight from its definition. */
function infoNceInFloat64(
  { images, captions }: Pairs,
  similarity: ArrayLike<number>,
  logScale: number,
): number {
  const scale = Math.min(100, Math.exp(logScale));
  const z = (i: number, j: number): number => scale * similarity[i * captions.length + j];
  const rows = images.map((own, i) => ({
    z: captions.map((_, j) => z(i, j)),
    wanted: captions.map((caption) => own.includes(caption)),
  }));
  const columns = captions.map((caption, j) => ({
    z: images.map((_, i) => z(i, j)),
    wanted: images.map((own) => own.includes(caption)),
  }));
  const halves = [rows, columns].map((lines) => {
    const used = lines.filter(({ wanted }) => wanted.includes(true));
    return used.length === 0 ? 0 : mean(used.map((line) => lineLoss(line.z, line.wanted)));
  });
  return mean(halves);
}

function poolInFloat64(x: ArrayLike<number>, [images, patches, captions]: number[], tau: number): number[] {
  return Array.from({ length: images * captions }, (_, column) => {
    const begin = Math.floor(column / captions) * patches * captions + (column % captions);
    let sum = 0;
    for (let n = 0; n < patches; n++) sum += Math.exp(tau * x[begin + n * captions]);
    return Math.log(sum) / tau;
  });
}

/** Uploads the ids, with `spare` unused concept slots more than the fullest image needs. */
function conceptTensors({ images, captions }: Pairs, spare = 0) {
  const slots = Math.max(...images.map((own) => own.length)) + spare;
  const padded = images.flatMap((own) => [...own, ...new Array(slots - own.length).fill(NO_CONCEPT)]);
  return {
    imageConcepts: engine.tensor(Uint32Array.from(padded), [images.length, slots]),
    captionConcepts: engine.tensor(Uint32Array.from(captions), [captions.length]),
  };
}

function lossOf(pairs: Pairs, similarity: Tensor, logitScale: Tensor, spare = 0): Tensor {
  return infoNce({ similarity, logitScale, ...conceptTensors(pairs, spare) });
}

/** Images of up to three concepts; some captions name what no image shows. */
function somePairs(images: number, captions: number, seed: number): Pairs {
  const random = mulberry32(seed);
  const pick = (count: number): number => Math.floor(random() * count);
  return {
    images: Array.from({ length: images }, () => Array.from({ length: 1 + pick(3) }, () => pick(captions))),
    captions: Array.from({ length: captions }, () => pick(captions + 3)),
  };
}

function checkLoss(pairs: Pairs, logScale: number, seed = 1): Promise<void> {
  const inputs = {
    similarity: values([pairs.images.length, pairs.captions.length], seed),
    logitScale: { shape: [1], values: Float64Array.of(Math.fround(logScale)) },
  };
  return checkOp(
    engine,
    inputs,
    ({ similarity, logitScale }) => lossOf(pairs, similarity, logitScale),
    ({ similarity, logitScale }) => [infoNceInFloat64(pairs, similarity, logitScale[0])],
    2e-6,
  );
}

test('InfoNCE of a batch of pre-training', () => checkLoss(somePairs(64, 75, 3), Math.log(1 / 0.07)));

test('InfoNCE of any size', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 1000 }),
      fc.double({ min: -1, max: 3.5, noNaN: true }),
      (images, captions, seed, logScale) => checkLoss(somePairs(images, captions, seed), logScale, seed),
    ),
    { numRuns: 15, seed: 5 },
  ));

/** Loss and gradients for similarities that are not random. */
async function lossAndGradients(pairs: Pairs, similarities: number[], logScale: number, spare = 0) {
  const shape = [pairs.images.length, pairs.captions.length];
  const similarity = engine.parameter('similarity', Float32Array.from(similarities), shape, true);
  const logitScale = engine.parameter('logitScale', Float32Array.of(logScale), [1], true);
  const found = await engine.fetch(() => {
    const parameters = [similarity, logitScale];
    const { value, grads } = valueAndGrad(engine, parameters, () =>
      lossOf(pairs, similarity, logitScale, spare),
    );
    return { value, similarity: grads.get(similarity)!, logitScale: grads.get(logitScale)! };
  });
  similarity.dispose();
  logitScale.dispose();
  return {
    value: found.value[0],
    similarity: Array.from(found.similarity),
    logitScale: found.logitScale[0],
  };
}

const near = (found: number, wanted: number, tolerance = 1e-6): void =>
  assert.ok(Math.abs(found - wanted) <= tolerance, `${found}, wanted ${wanted}`);

test('InfoNCE of equal similarities is the logarithm of the number of candidates', async () => {
  const pairs = { images: [[4], [5, 4], [9]], captions: [4, 5, 5, 4, 7] };
  const found = await lossAndGradients(pairs, new Array(15).fill(0.25), 2);
  near(found.value, (Math.log(5) + Math.log(3)) / 2);
  near(found.logitScale, 0);
});

test('an image or a caption without a positive takes part as a negative only', async () => {
  const pairs = { images: [[1], [8]], captions: [1, NO_CONCEPT] };
  const found = await lossAndGradients(pairs, [0.5, 0.1, 0.2, 0.9], 0);
  // half of -log softmax over the first row, half over the first column
  const [row, column] = [1 / (1 + Math.exp(0.5 - 0.1)), 1 / (1 + Math.exp(0.5 - 0.2))];
  near(found.value, -(Math.log(1 - row) + Math.log(1 - column)) / 2);
  const wanted = [-(row + column) / 2, row / 2, column / 2, 0];
  for (const [i, gradient] of wanted.entries()) near(found.similarity[i], gradient);
});

test('without any positive, loss and gradients are 0', async () => {
  const found = await lossAndGradients(
    { images: [[1, 2], [3]], captions: [4, 5, NO_CONCEPT] },
    [1, 2, 3, 4, 5, 6],
    1,
  );
  assert.equal(found, { value: 0, similarity: [0, 0, 0, 0, 0, 0], logitScale: 0 });
});

test('a concept listed twice and unused slots change nothing', async () => {
  const similarities = Array.from(values([3, 4], 9).values);
  const plain = await lossAndGradients(
    { images: [[1, 2], [3], [2]], captions: [1, 2, 3, 3] },
    similarities,
    2,
  );
  const other = { images: [[2, 1, 2], [3, 3], [2]], captions: [1, 2, 3, 3] };
  assert.equal(await lossAndGradients(other, similarities, 2, 2), plain);
});

test('the scale stops at 100, and comes back when that lowers the loss', async () => {
  const pairs = { images: [[1], [2]], captions: [1, 2] };
  const right = [0.3, 0.29, 0.29, 0.3];
  const wrong = [0.29, 0.3, 0.3, 0.29];
  near((await lossAndGradients(pairs, right, 6)).value, Math.log(1 + Math.exp(-1)), 1e-5);
  // a larger scale would lower the loss: below 100 the gradient says so, beyond it is 0
  assert.ok((await lossAndGradients(pairs, right, 4)).logitScale < -0.1);
  assert.is((await lossAndGradients(pairs, right, 6)).logitScale, 0);
  // a smaller scale would: 100 * 0.01 times the softmax of the wrong caption
  near((await lossAndGradients(pairs, wrong, 6)).logitScale, 1 / (1 + Math.exp(-1)), 1e-5);
});

test('similarities scaled to thousands do not overflow', async () => {
  const found = await lossAndGradients({ images: [[1], [2]], captions: [1, 2] }, [-40, 40, 30, -50], 4.7);
  // -log softmax of the four lines: 8000, 8000, 7000 and 9000
  near(found.value, 8000, 1e-2);
  assert.ok(found.similarity.every(Number.isFinite));
});

for (const [name, shape, tau] of [
  ['patches of a batch', [6, 36, 20], 15],
  ['odd sizes', [3, 7, 13], 4.5],
  ['one patch', [2, 1, 5], 15],
] as const) {
  test(`log-sum-exp pooling: ${name}`, () =>
    checkOp(
      engine,
      { x: values(shape, 4) },
      ({ x }) => logsumexpPool({ x, tau }),
      ({ x }) => poolInFloat64(x, [...shape], tau),
    ));
}

test('log-sum-exp pooling lies between the largest value and that of all patches alike', async () => {
  const x = new Float32Array(16).fill(-50).fill(50, 3, 4);
  const { y, alike } = await engine.fetch(() => ({
    y: logsumexpPool({ x: engine.tensor(x, [1, 16, 1]), tau: 15 }),
    alike: logsumexpPool({ x: engine.tensor(new Float32Array(16).fill(50), [1, 16, 1]), tau: 15 }),
  }));
  assert.is(y[0], 50);
  near(alike[0], 50 + Math.log(16) / 15, 1e-5);
});

test('the loss of pre-training: class token and pooled patches under one scale', () => {
  const pairs = somePairs(5, 11, 8);
  const shape = [5, 9, 11];
  const inputs = {
    image: values([5, 11], 1),
    patches: values(shape, 2),
    logitScale: { shape: [1], values: Float64Array.of(2) },
  };
  return checkOp(
    engine,
    inputs,
    ({ image, patches, logitScale }) =>
      add({
        a: lossOf(pairs, image, logitScale),
        b: lossOf(pairs, logsumexpPool({ x: patches, tau: 15 }), logitScale),
      }),
    ({ image, patches, logitScale }) => [
      infoNceInFloat64(pairs, image, logitScale[0]) +
        infoNceInFloat64(pairs, poolInFloat64(patches, shape, 15), logitScale[0]),
    ],
    2e-6,
  );
});

test('only wanted gradients are computed', () => {
  const kernelsFor = (trainable: string): string[] => {
    const parameter = (name: string, shape: number[], filled: number[]) =>
      engine.parameter(name, Float32Array.from(filled), shape, name === trainable);
    const similarity = parameter('similarity', [2, 2], [1, 2, 3, 4]);
    const logitScale = parameter('logitScale', [1], [1]);
    const pairs = { images: [[1], [2]], captions: [1, 2] };
    const names = launched(engine, () => {
      valueAndGrad(engine, [similarity, logitScale], () => lossOf(pairs, similarity, logitScale));
    });
    similarity.dispose();
    logitScale.dispose();
    return names;
  };
  const forward = ['contrastive.lines', 'contrastive.finish'];
  assert.equal(kernelsFor('similarity'), [...forward, 'contrastive.backward']);
  assert.equal(kernelsFor('logitScale'), [...forward, 'elementwise.multiply']);
});

test('what does not fit is refused by name', () => {
  engine.scope(() => {
    const similarity = engine.zeros([3, 4]);
    const logitScale = engine.zeros([1]);
    const imageConcepts = engine.zeros([3, 2], 'u32');
    const captionConcepts = engine.zeros([4], 'u32');
    const good = { similarity, logitScale, imageConcepts, captionConcepts };
    const refused = (change: Partial<typeof good>): string =>
      errorOf(ShapeError, () => infoNce({ ...good, ...change })).message;
    assert.match(refused({ logitScale: similarity }), /info_nce: logitScale is \(3, 4\), wanted \(1\)/);
    assert.match(
      refused({ captionConcepts: engine.zeros([3], 'u32') }),
      /captionConcepts is \(3\), wanted \(4\)/,
    );
    assert.match(refused({ imageConcepts: captionConcepts }), /imageConcepts is \(4\), wanted \(3, any\)/);
    assert.match(refused({ captionConcepts: engine.zeros([4]) }), /captionConcepts is f32, wanted u32/);
    assert.match(
      errorOf(ShapeError, () => logsumexpPool({ x: similarity, tau: 15 })).message,
      /logsumexp_pool: x is \(3, 4\), wanted \(any, any, any\)/,
    );
    const x = engine.zeros([1, 2, 3]);
    assert.match(errorOf(ConfigError, () => logsumexpPool({ x, tau: 0 })).message, /tau 0/);
  });
});

test.run();
