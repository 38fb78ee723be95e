import {
  gaussianSumDots,
  gaussianSumForward,
  gaussianSumLayer,
  MAX_LAYERS,
} from '../../kernels/gaussian_sum/gaussian_sum.ts';
import { partsOf, sumFinish } from '../../kernels/sum/sum.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape, show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { assemble, wholePiece } from './assemble.ts';

interface GaussianSumArgs {
  /** K of one shape. */
  layers: Tensor[];
  /** K weights, learnable or not. */
  weights: Tensor;
}

/** sum_l weights[l] * layers[l]: Neighbourhood Gaussian Aggregation, Cascade-CLIP (Li et al. 2024). */
export const gaussianSum = defineOp({
  name: 'gaussianSum',
  forward: ({ layers, weights }: GaussianSumArgs) => {
    if (weights.size !== layers.length) {
      throw new ShapeError(
        `gaussianSum: weights are ${show(weights.shape)}, wanted one for each of ${layers.length} layers`,
      );
    }
    for (const layer of layers) expectShape('gaussianSum: layer', layer.shape, layers[0].shape);
    const [{ size: count, shape, dtype }] = layers;
    const total = layers.length;
    const engine = engineOf({ weights });
    let base: Tensor | undefined;
    for (let first = 0; first < total; first += MAX_LAYERS) {
      const group = layers.slice(first, first + MAX_LAYERS);
      const dims = { count, layers: group.length, first, total, extended: base ? 1 : 0 };
      base = launch(gaussianSumForward, dims, {
        weights,
        ...named(group),
        base,
        y: engine.empty(shape, dtype),
      }).y;
    }
    const save = {
      weights,
      layers: weights.requiresGrad ? layers : [],
      wanted: layers.map((layer) => layer.requiresGrad),
    };
    return { output: base as Tensor, save };
  },
  vjp: (dy, { weights, layers, wanted }, needs) => {
    const grads: Gradients<GaussianSumArgs> = {};
    if (needs.layers)
      grads.layers = wanted.map((want, l) => (want ? layerGradient(dy, weights, l) : undefined));
    if (needs.weights) grads.weights = weightGradients(dy, layers, weights.shape);
    return grads;
  },
});

/** The inputs of one dispatch by their names in the kernel. */
function named([layer0, layer1, layer2, layer3]: readonly Tensor[]) {
  return { layer0, layer1, layer2, layer3 };
}

function layerGradient(dy: Tensor, weights: Tensor, layer: number): Tensor {
  const dlayer = engineOf({ dy }).empty(dy.shape, dy.dtype);
  return launch(gaussianSumLayer, { count: dy.size, layer, total: weights.size }, { weights, dy, dlayer })
    .dlayer;
}

function weightGradients(dy: Tensor, layers: readonly Tensor[], shape: readonly number[]): Tensor {
  const engine = engineOf({ dy });
  const count = dy.size;
  const parts = partsOf(count);
  const found: Tensor[] = [];
  for (let first = 0; first < layers.length; first += MAX_LAYERS) {
    const group = layers.slice(first, first + MAX_LAYERS);
    const { partials } = launch(
      gaussianSumDots,
      { count, parts, layers: group.length },
      { dy, ...named(group) },
    );
    found.push(launch(sumFinish, { rows: parts, cols: group.length }, { partials }).y);
  }
  if (found.length === 1) return engine.view(found[0], shape);
  return assemble(
    engine,
    1,
    found.map((part) => wholePiece(part, 0)),
    shape,
  );
}
