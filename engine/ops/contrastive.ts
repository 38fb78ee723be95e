import { infoNceBackward, infoNceFinish, infoNceLines } from '../../kernels/contrastive/info_nce.ts';
import { poolBackward, poolForward } from '../../kernels/contrastive/pool.ts';
import { multiply } from '../../kernels/elementwise/multiply.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Fills the unused slots of `imageConcepts`. */
export { NO_CONCEPT } from '../../kernels/contrastive/reference.ts';

/** Similarities are never scaled by more than this. Radford et al. 2021, section 2.5. */
const MAX_SCALE = 100;

interface InfoNceArgs {
  /** Cosines of n images and m captions (n, m), not yet scaled. */
  similarity: Tensor;
  /** Logarithm of the scale (1). */
  logitScale: Tensor;
  /** Concepts to be seen in each image (n, k), u32; unused slots hold {@link NO_CONCEPT}. */
  imageConcepts: Tensor;
  /** The concept that each caption names (m), u32. */
  captionConcepts: Tensor;
}

/**
 * Symmetric multi-positive InfoNCE (1) on z = min(exp(logitScale), 100) * similarity. A caption is a positive of
 * an image when it names one of its concepts. The loss of an image is the mean over its positives of
 * -log softmax(z) over all captions (Khosla et al. 2020, arXiv:2004.11362, equation 2), that of a caption likewise
 * over all images; the result is half the mean over images plus half the mean over captions, of those that have a
 * positive. Others count as negatives only; without any positive the loss is 0.
 *
 * Beyond a scale of 100, `logitScale` gets only gradients that lower it, so that it neither grows on nor gets stuck.
 * @throws ShapeError when shapes or types do not fit.
 */
export const infoNce = defineOp({
  name: 'info_nce',
  forward: ({ similarity, logitScale, imageConcepts, captionConcepts }: InfoNceArgs) => {
    expectShape('info_nce: similarity', similarity.shape, [null, null]);
    const [images, captions] = similarity.shape;
    expectShape('info_nce: logitScale', logitScale.shape, [1]);
    expectShape('info_nce: imageConcepts', imageConcepts.shape, [images, null]);
    expectShape('info_nce: captionConcepts', captionConcepts.shape, [captions]);
    for (const [name, { dtype }] of Object.entries({ imageConcepts, captionConcepts })) {
      if (dtype !== 'u32') throw new ShapeError(`info_nce: ${name} is ${dtype}, wanted u32`);
    }
    const dims = { images, captions, concepts: imageConcepts.shape[1], max_scale: MAX_SCALE };
    const pairs = {
      similarity,
      logit_scale: logitScale,
      image_concepts: imageConcepts,
      caption_concepts: captionConcepts,
    };
    const { stats, slopes } = launch(infoNceLines, dims, pairs);
    const { loss, weights, slope } = launch(
      infoNceFinish,
      { images, captions, max_scale: MAX_SCALE },
      { stats, slopes, logit_scale: logitScale },
    );
    return { output: loss, save: { dims, pairs, stats, weights, slope } };
  },
  vjp: (dy, { dims, pairs, stats, weights, slope }, needs) => {
    const grads: Gradients<InfoNceArgs> = {};
    if (needs.similarity) {
      grads.similarity = launch(infoNceBackward, dims, { dy, ...pairs, stats, weights }).dsimilarity;
    }
    if (needs.logitScale) grads.logitScale = launch(multiply, { count: 1, period: 1 }, { a: dy, b: slope }).y;
    return grads;
  },
});

interface LogsumexpPoolArgs {
  /** Similarities (images, patches, captions). */
  x: Tensor;
  /** How sharp the maximum is. */
  tau: number;
}

/**
 * log(sum over patches of exp(tau * x)) / tau: a smooth maximum over patches (images, captions).
 * @throws ShapeError when x has not three axes, ConfigError when tau is not a positive number.
 */
export const logsumexpPool = defineOp({
  name: 'logsumexp_pool',
  forward: ({ x, tau }: LogsumexpPoolArgs) => {
    expectShape('logsumexp_pool: x', x.shape, [null, null, null]);
    if (!(tau > 0 && tau < Infinity)) {
      throw new ConfigError(`log-sum-exp pooling: tau ${tau}`, 'Give a positive number.');
    }
    const [images, patches, captions] = x.shape;
    const dims = { images, patches, captions, tau };
    const { y } = launch(poolForward, dims, { x });
    return { output: y, save: { dims, x, y } };
  },
  vjp: (dy, { dims, x, y }) => ({ x: launch(poolBackward, dims, { dy, x, y }).dx }),
});
