import type { Engine } from '../engine/engine.ts';
import {
  add,
  broadcastTo,
  cast,
  concat,
  l2norm,
  linear,
  matmul,
  patchUnfold,
  reshape,
  resize,
  slice,
  split,
  tokensWithPrompts,
  transposeLast,
} from '../engine/ops/index.ts';
import { recompute } from '../engine/recompute.ts';
import type { Tensor } from '../engine/tensor.ts';
import { clipBlock, norm } from './block.ts';
import type { ModelConfig, VisionConfig } from './config.ts';
import type { DropoutMasks } from './dropout.ts';
import { intermediateTaps } from './parameters.ts';
import type { Weights } from './store.ts';

/** `prompt_norm` alone uses this epsilon. */
const PROMPT_NORM_EPS = 1e-6;

/** What the image tower hands to the head. */
export interface VisionFeatures {
  /** Patch features of every tap, shallow to deep: (B, N, D), unit length. */
  laterals: Tensor[];
  /** g, the global image embedding (B, D), unit length. */
  global: Tensor;
  /** Token grid: N = rows * cols. */
  rows: number;
  cols: number;
}

/** Receives intermediate tensors by name; golden tests and analyses look at them. */
export type Observe = (name: string, tensor: Tensor) => void;

/**
 * CLIP's ViT with deep visual prompts, tapped after several blocks. What runs through the blocks is stored in the
 * engine's precision, the embedding of the patches and the global embedding in f32.
 * @param image (B, 3, H, W), normalised; H and W are cut to whole patches.
 * @param weights the parameters below `backbone`.
 */
export function visionTower(
  engine: Engine,
  image: Tensor,
  weights: Weights,
  config: ModelConfig,
  masks: DropoutMasks,
  observe: Observe = () => {},
): VisionFeatures {
  const { patch, layers, heads } = config.vision;
  const batch = image.shape[0];
  const rows = Math.floor(image.shape[2] / patch);
  const cols = Math.floor(image.shape[3] / patch);
  const prompts = promptsOf(engine, weights, config, masks, batch);
  const count = config.prompts.count;

  let x = engine.scope(() => {
    const embedded = norm(embedPatches(image, weights, config.vision, rows, cols), weights, 'ln_pre');
    const tokens = cast({ x: embedded, dtype: engine.precision });
    return tokensWithPrompts({ x: tokens, prompts: prompts[0], skip: 0 });
  });
  observe('vit.input', x);
  let held = count;
  const tapped = new Set(intermediateTaps(config));
  const laterals: Tensor[] = [];
  for (let block = 0; block < layers; block++) {
    if (block > 0 && held > 0) {
      const next = block <= config.prompts.deep ? prompts[block] : null;
      x = tokensWithPrompts({ x, prompts: next, skip: held });
      held = next ? count : 0;
    }
    x = engine.at(`resblocks.${block}`, () =>
      recompute(engine, [x], (input) =>
        clipBlock(input, weights.under(`transformer.resblocks.${block}`), heads),
      ),
    );
    observe(`vit.block${block}`, x);
    if (tapped.has(block)) {
      const tap = laterals.length;
      const skip = 1 + held;
      laterals.push(engine.scope(() => lateralTap(x, weights, skip, tap)));
    }
  }
  const last = engine.scope(() => {
    const patches = finalTap(patchTokens(x, 1 + held), weights);
    const global = finalTap(slice({ x, axis: 1, start: 0, length: 1 }), weights);
    const shape = [batch, config.vision.embedDim];
    return { patches, global: cast({ x: reshape({ x: global, shape }), dtype: 'f32' }) };
  });
  laterals.push(last.patches);
  laterals.forEach((lateral, i) => {
    observe(`lateral${i}`, lateral);
  });
  observe('cls', last.global);
  return { laterals, global: last.global, rows, cols };
}

/** [class | patches] + positions, where the class row holds the class embedding twice, as the release does. */
export function embedPatches(
  image: Tensor,
  weights: Weights,
  { patch, width, resolution }: VisionConfig,
  rows: number,
  cols: number,
): Tensor {
  const batch = image.shape[0];
  const kernel = reshape({ x: weights.get('conv1.weight'), shape: [width, 3 * patch * patch] });
  const patches = linear({ x: patchUnfold({ image, patch }), weight: kernel });
  const positions = weights.get('positional_embedding');
  const side = Math.floor(resolution / patch);
  const classEmbedding = reshape({ x: weights.get('class_embedding'), shape: [1, width] });
  const first = add({ a: slice({ x: positions, axis: 0, start: 0, length: 1 }), b: classEmbedding });
  const token = add({ a: first, b: classEmbedding });
  const grid = slice({ x: positions, axis: 0, start: 1, length: side * side });
  const spatial = add({ a: patches, b: resizeGrid(grid, side, rows, cols) });
  return concat({ parts: [broadcastTo({ x: token, batch }), spatial], axis: 1 });
}

/** Position rows (side * side, W) for a grid of rows x cols tokens, bilinear; the identity at the same size. */
function resizeGrid(grid: Tensor, side: number, rows: number, cols: number): Tensor {
  if (rows === side && cols === side) return grid;
  const width = grid.shape[1];
  const planes = reshape({ x: transposeLast({ x: grid }), shape: [width, side, side] });
  const resized = resize({ x: planes, height: rows, width: cols });
  return transposeLast({ x: reshape({ x: resized, shape: [width, rows * cols] }) });
}

/** The prompts that blocks 0..deep see, projected together, each (B, T, W) or (T, W) where no mask is drawn. */
function promptsOf(
  engine: Engine,
  weights: Weights,
  config: ModelConfig,
  masks: DropoutMasks,
  batch: number,
): Tensor[] {
  const { count, deep, dropout } = config.prompts;
  const { width } = config.vision;
  const shallow = weights.get('prompt_embeddings');
  const all =
    deep > 0 ? concat({ parts: [shallow, weights.get('deep_prompt_embeddings')], axis: 0 }) : shallow;
  const projected = linear({
    x: cast({ x: all, dtype: engine.precision }),
    weight: weights.get('prompt_proj.weight'),
    bias: weights.get('prompt_proj.bias'),
  });
  const blocks = reshape({ x: projected, shape: [deep + 1, count, width] });
  const masked = masks.applyToCopies(blocks, batch, dropout);
  return split({ x: masked, axis: 0, sizes: new Array(deep + 1).fill(1) }).map((prompts) =>
    reshape({ x: prompts, shape: masked.shape.slice(1) }),
  );
}

function patchTokens(x: Tensor, skip: number): Tensor {
  return slice({ x, axis: 1, start: skip, length: x.shape[1] - skip });
}

/** Tap j: shared prompt_norm, then its own norm and random projection, unit length. */
function lateralTap(x: Tensor, weights: Weights, skip: number, tap: number): Tensor {
  const shared = norm(patchTokens(x, skip), weights, 'prompt_norm', PROMPT_NORM_EPS);
  const projections = weights.get('proj_layers');
  const own = slice({ x: projections, axis: 0, start: tap, length: 1 });
  const b = reshape({ x: own, shape: projections.shape.slice(1) });
  return l2norm({ x: matmul({ a: norm(shared, weights, `ln_layers.${tap}`), b }) });
}

/** The last tap and the class token: CLIP's own norm and projection. */
function finalTap(x: Tensor, weights: Weights): Tensor {
  const shared = norm(x, weights, 'prompt_norm', PROMPT_NORM_EPS);
  return l2norm({ x: matmul({ a: norm(shared, weights, 'ln_post'), b: weights.get('proj') }) });
}
