import type { Engine } from '../engine/engine.ts';
import { add, infoNce, l2norm, logsumexpPool, matmul, reshape, slice } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';
import { clipBlock, norm } from './block.ts';
import type { TextConfig, VisionConfig } from './config.ts';
import type { ParameterSpec } from './parameter_spec.ts';
import type { Weights } from './store.ts';
import { type TokenBatch, textFeatures } from './text.ts';
import { imageTowerSpecs, textTowerSpecs } from './tower_specs.ts';
import { embedPatches } from './vision.ts';

/** Both towers of a CLIP. */
export interface ClipConfig {
  vision: VisionConfig;
  text: TextConfig;
}

/** Every parameter of both towers and the logit scale, all of them to be trained. */
export function clipSpecs({ vision, text }: ClipConfig): ParameterSpec[] {
  return [...imageTowerSpecs(vision, true), ...textTowerSpecs(text, true)];
}

/** What the image tower gives; every embedding has unit length. */
export interface ImageFeatures {
  /** The class token's embedding (B, D). */
  global: Tensor;
  /** The patches' embeddings (B, rows * cols, D), through the same norm and projection. */
  patches: Tensor;
}

/**
 * CLIP's image tower with the positions of Cascade-CLIP's, without prompts.
 * @param image (B, 3, H, W), normalised; H and W are cut to whole patches.
 * @param weights the parameters below `backbone`.
 */
export function imageFeatures(
  engine: Engine,
  image: Tensor,
  weights: Weights,
  vision: VisionConfig,
): ImageFeatures {
  return engine.scope(() => {
    const [batch, , height, width] = image.shape;
    const rows = Math.floor(height / vision.patch);
    const cols = Math.floor(width / vision.patch);
    let x = norm(embedPatches(image, weights, vision, rows, cols), weights, 'ln_pre');
    for (let block = 0; block < vision.layers; block++) {
      const own = weights.under(`transformer.resblocks.${block}`);
      x = engine.at(`resblocks.${block}`, () => engine.scope(() => clipBlock(x, own, vision.heads)));
    }
    const joint = l2norm({ x: matmul({ a: norm(x, weights, 'ln_post'), b: weights.get('proj') }) });
    const first = slice({ x: joint, axis: 1, start: 0, length: 1 });
    return {
      global: reshape({ x: first, shape: [batch, vision.embedDim] }),
      patches: slice({ x: joint, axis: 1, start: 1, length: rows * cols }),
    };
  });
}

/** Images and captions of a step on the GPU, with what tells which belong together. */
export interface CaptionedBatch {
  /** (n, 3, H, W), normalised. */
  image: Tensor;
  /** m captions. */
  tokens: TokenBatch;
  /** Concepts to be seen in each image (n, k), u32; see `infoNce`. */
  imageConcepts: Tensor;
  /** The concept that each caption names (m), u32. */
  captionConcepts: Tensor;
}

/** The terms of the loss, each a scalar (1). */
export interface ContrastiveLoss {
  /** Class token against captions. */
  global: Tensor;
  /** Pooled patches against captions. */
  patches: Tensor;
  total: Tensor;
}

/**
 * Multi-positive InfoNCE between class tokens and captions, plus the same between patches and captions, where an
 * image's similarity is the smooth maximum over its patches: no place in the image is ever given.
 * @param tau how sharp that maximum is.
 */
export function contrastiveLoss(
  engine: Engine,
  { image, tokens, imageConcepts, captionConcepts }: CaptionedBatch,
  weights: Weights,
  config: ClipConfig,
  tau: number,
): ContrastiveLoss {
  const seen = engine.at('image', () =>
    imageFeatures(engine, image, weights.under('backbone'), config.vision),
  );
  const own = weights.under('text_encoder');
  const text = l2norm({ x: textFeatures(engine, tokens, own, config.text) });
  const logitScale = reshape({ x: own.get('logit_scale'), shape: [1] });
  const pairs = { logitScale, imageConcepts, captionConcepts };
  const [images, count, width] = seen.patches.shape;
  const captions = text.shape[0];
  const global = infoNce({ ...pairs, similarity: matmul({ a: seen.global, b: text, transposeB: true }) });
  const flat = reshape({ x: seen.patches, shape: [images * count, width] });
  const places = matmul({ a: flat, b: text, transposeB: true });
  const pooled = logsumexpPool({ x: reshape({ x: places, shape: [images, count, captions] }), tau });
  const patches = infoNce({ ...pairs, similarity: pooled });
  return { global, patches, total: add({ a: global, b: patches }) };
}
