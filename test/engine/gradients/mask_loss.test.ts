import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { ShapeError } from '../../../engine/errors.ts';
import { worstError } from '../../../engine/gpu/run.ts';
import { valueAndGrad } from '../../../engine/grad.ts';
import { upsampledMaskLoss, upsampledPseudoLabels } from '../../../engine/ops/index.ts';
import type { Parameter, Tensor } from '../../../engine/tensor.ts';
import { bilinearBackward, bilinearReference } from '../../../kernels/bilinear/bilinear.ts';
import { tilesOf } from '../../../kernels/kernel.ts';
import { finishReference } from '../../../kernels/mask_loss/reference.ts';
import { upsampled } from '../../../kernels/mask_loss/upsampled.ts';
import { gatherReference, upsampledReference } from '../../../kernels/mask_loss/upsampled_reference.ts';
import { readSafetensors } from '../../../model/weights/safetensors.ts';
import { openEngine } from '../../support/device.ts';
import { errorOf } from '../../support/error_of.ts';
import { goldenPath } from '../../support/paths.ts';
import { type Problem, problem, type Sizes, shapes } from './mask_loss_inputs.ts';
import { checkOp, launched } from './vjp.ts';

const test = suite('mask loss gradients');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

const settings = { alpha: 0.25, gamma: 2, focalWeight: 100, diceWeight: 1, normalise: true };
type Settings = typeof settings;

const masksOf = (p: Problem): Parameter =>
  engine.parameter('masks', p.masks, [p.images, p.classes, p.height, p.width], true);
const labelsOf = (p: Problem): Tensor => engine.tensor(p.labels, [p.images, p.outHeight, p.outWidth]);

interface Result {
  /** Focal, dice, total, present pairs. */
  parts: Float64Array;
  /** Of the total, with respect to the masks. */
  gradient: Float64Array;
}

/** The loss of the resized masks and its gradient, in float64: of that size the loss itself resizes nothing. */
function truthOf(p: Problem, s: Settings): Result {
  const { images, classes, outHeight: height, outWidth: width } = p;
  const out = { out_height: height, out_width: width };
  const resized = { planes: images * classes, height: p.height, width: p.width, ...out };
  const masks = bilinearReference(resized, { x: Float64Array.from(p.masks) }).y;
  const dims = { images, classes, height, width, ...out, alpha: s.alpha, gamma: s.gamma };
  const { partials, corners } = upsampledReference(dims, { masks, labels: Float64Array.from(p.labels) });
  const ending = {
    pixels: height * width,
    focal_weight: s.focalWeight,
    dice_weight: s.diceWeight,
    normalise: Number(s.normalise),
  };
  const rows = { rows: resized.planes, chunks: height + 1 };
  const { stats, loss } = finishReference({ ...rows, ...ending }, { partials });
  const dy = Float64Array.of(1);
  const { dmasks } = gatherReference({ ...dims, ...ending }, { dy, corners, stats, loss });
  return { parts: loss, gradient: bilinearBackward.reference(resized, { dy: dmasks }).dx };
}

/** What the operation gives for a problem. */
async function run(p: Problem, s: Settings): Promise<Result> {
  const masks = masksOf(p);
  const found = await engine.fetch(() => {
    const { aux, grads } = valueAndGrad(engine, [masks], () => lossOf(masks, labelsOf(p), s));
    return { parts: aux, gradient: grads.get(masks)! };
  });
  masks.dispose();
  return { parts: Float64Array.from(found.parts), gradient: Float64Array.from(found.gradient) };
}

const lossOf = (masks: Tensor, labels: Tensor, s: Settings) => upsampledMaskLoss({ masks, labels, ...s });

function expectClose(found: Result, truth: Result, what: string): void {
  const parts = worstError(found.parts, truth.parts);
  const gradient = worstError(found.gradient, truth.gradient);
  assert.ok(parts <= 1e-6, `${what}: parts are off by ${parts}`);
  assert.ok(gradient <= 3e-6, `${what}: gradient is off by ${gradient}`);
}

test('upsampledMaskLoss to the same size agrees with the golden losses', async () => {
  const path = goldenPath('micro_ops.safetensors');
  const { tensors } = await readSafetensors(path, (name) => name.startsWith('loss_'));
  for (const name of ['loss_small', 'loss_ignored_image', 'loss_all_ignored', 'loss_extreme']) {
    const get = (part: string) => tensors.get(`${name}/${part}`)!;
    const [images, classes, height, width] = get('logits').shape;
    const p = {
      ...{ images, classes, height, width, outHeight: height, outWidth: width },
      masks: Float32Array.from(get('logits').data as Float32Array),
      labels: Uint32Array.from(get('labels').data as Int32Array),
    };
    const loss = Float64Array.from(get('loss').data as Float32Array);
    for (const [part, weights] of Object.entries({
      d_focal: { focalWeight: 100, diceWeight: 0 },
      d_dice: { focalWeight: 0, diceWeight: 1 },
      d_total: { focalWeight: 100, diceWeight: 1 },
    })) {
      const { parts, gradient } = await run(p, { ...settings, ...weights });
      const wanted = Float64Array.from(get(part).data as Float32Array);
      const error = worstError(gradient, wanted);
      assert.ok(error <= 2e-6, `${name}/${part} is off by ${error}`);
      if (part !== 'd_total') continue;
      assert.ok(worstError(parts.subarray(0, 3), loss) <= 1e-6, `${name}: ${parts}, wanted ${loss}`);
    }
  }
});

for (const [what, sizes] of Object.entries(shapes)) {
  test(`upsampledMaskLoss to ${what} is the loss of the resize`, async () => {
    const p = problem(sizes);
    for (const s of [
      settings,
      { ...settings, normalise: false },
      { alpha: 0.6, gamma: 1.5, focalWeight: 20, diceWeight: 3, normalise: true },
    ]) {
      expectClose(await run(p, s), truthOf(p, s), JSON.stringify(s));
    }
  });

  test(`upsampledMaskLoss to ${what} follows differences`, () => {
    const p = problem(sizes, 2);
    const shape = [p.images, p.classes, p.height, p.width];
    return checkOp(
      engine,
      { masks: { shape, values: Float64Array.from(p.masks) } },
      ({ masks }) => lossOf(masks, labelsOf(p), settings)[0],
      ({ masks }) => [truthOf({ ...p, masks: masks as unknown as Problem['masks'] }, settings).parts[2]],
      2e-6,
    );
  });
}

test('every variant gives the loss of the resize, for any factor that is a multiple of 8', async () => {
  const factor = fc.constantFrom(8, 16, 24);
  const side = fc.integer({ min: 1, max: 4 });
  const sizes = fc.record({
    images: side,
    classes: side,
    height: side,
    width: side,
    rows: factor,
    columns: factor,
  });
  for (const variant of engine.gpu.tiles.fitting(upsampled)) {
    engine.gpu.tiles.force(upsampled, { variant, tile: tilesOf(variant)[0] });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async ({ rows, columns, ...size }, seed) => {
        const p = problem({ ...size, outHeight: size.height * rows, outWidth: size.width * columns }, seed);
        expectClose(await run(p, settings), truthOf(p, settings), variant.name);
      }),
      { numRuns: 12, seed: 5 },
    );
  }
  engine.gpu.tiles.force(upsampled, null);
});

test('any sizes give the loss of the resize', async () => {
  const side = fc.integer({ min: 1, max: 23 });
  const few = fc.integer({ min: 1, max: 3 });
  const sizes = fc.record({
    images: few,
    classes: few,
    height: side,
    width: side,
    outHeight: side,
    outWidth: side,
  });
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), async (size, seed) => {
      const p = problem(size, seed);
      expectClose(await run(p, settings), truthOf(p, settings), JSON.stringify(size));
    }),
    { numRuns: 40, seed: 6 },
  );
});

test('upsampledMaskLoss has no full-resolution step, forward or backward', () => {
  const kernels = (sizes: Sizes): string[] => {
    const p = problem(sizes);
    const masks = masksOf(p);
    const names = launched(engine, () => {
      valueAndGrad(engine, [masks], () => lossOf(masks, labelsOf(p), settings));
    });
    masks.dispose();
    return names;
  };
  const rest = ['mask_loss.finish', 'mask_loss.upsampled_gather'];
  assert.equal(kernels(shapes['factor 8']), ['mask_loss.upsampled', ...rest]);
  assert.equal(kernels(shapes['factor 3']), ['mask_loss.upsampled', ...rest]);
});

test('no gradient is computed that nobody needs', () => {
  const p = problem(shapes['factor 8']);
  const masks = masksOf(p);
  const names = launched(engine, () => {
    lossOf(engine.detach(masks), labelsOf(p), settings);
  });
  assert.equal(names, ['mask_loss.upsampled', 'mask_loss.finish']);
  masks.dispose();
});

test('the loss and its gradient have the same bits every time', async () => {
  for (const what of ['factor 8', 'no whole factor']) {
    const p = problem(shapes[what], 3);
    const first = await run(p, settings);
    for (let i = 0; i < 3; i++) assert.equal(await run(p, settings), first);
  }
});

test('large logits stay finite', async () => {
  for (const gamma of [2, 1.5]) {
    const p = problem(shapes['factor 8'], 4);
    p.masks.forEach((v, i) => {
      p.masks[i] = 1e4 * v;
    });
    const { parts, gradient } = await run(p, { ...settings, gamma });
    assert.ok([...parts, ...gradient].every(Number.isFinite));
    assert.ok(parts[0] > 1e4, `${parts}`);
  }
});

test('a batch without any class has no dice loss', async () => {
  const p = problem(shapes['factor 8']);
  p.labels.fill(255);
  const found = await run(p, settings);
  assert.is(found.parts[1], 0);
  assert.is(found.parts[3], 0);
  expectClose(found, truthOf(p, settings), 'all ignored');
});

test('shapes that do not fit are named', () => {
  const p = problem(shapes['factor 8']);
  const labels = labelsOf(p);
  const masks = engine.tensor([1, 2, 3, 4], [1, 1, 2, 2]);
  const flat = engine.tensor([1, 2, 3, 4], [1, 2, 2]);
  const message = (action: () => unknown): string => errorOf(ShapeError, action).message;
  assert.is(
    message(() => lossOf(masks, labels, settings)),
    'upsampled_mask_loss: labels is (2, 48, 24), wanted (1, any, any)',
  );
  assert.is(
    message(() => lossOf(flat, labels, settings)),
    'upsampled_mask_loss: masks is (1, 2, 2), wanted (any, any, any, any)',
  );
  assert.is(
    message(() => upsampledPseudoLabels({ masks, labels, novel: labels, unlabelled: 9 })),
    'upsampled_pseudo_labels: labels is (2, 48, 24), wanted (1, any, any)',
  );
  for (const tensor of [labels, masks, flat]) tensor.dispose();
});

test.run();
