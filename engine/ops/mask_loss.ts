import {
  lossChunks,
  maskLossBackward,
  maskLossFinish,
  maskLossPartials,
  pseudoLabels as pseudoLabelsKernel,
} from '../../kernels/mask_loss/mask_loss.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface MaskLossArgs {
  /** Mask logits (B, C, H, W). */
  logits: Tensor;
  /** Class index per pixel (B, H, W), u32; a value that is no class is a negative for every class. */
  labels: Tensor;
  /** alpha and gamma of the focal loss. */
  alpha: number;
  gamma: number;
  focalWeight: number;
  diceWeight: number;
  /** Divide by n = max(1, present (image, class) pairs). Off under gradient accumulation. */
  normalise: boolean;
}

/**
 * Weighted sigmoid focal and dice loss of all masks.
 * @returns [total (1), parts (4) = focal, dice, total, present pairs]; only the total is differentiable.
 */
export const maskLoss = defineOp({
  name: 'mask_loss',
  forward: ({ logits, labels, alpha, gamma, focalWeight, diceWeight, normalise }: MaskLossArgs) => {
    const [images, classes, height, width] = logits.shape;
    expectShape('mask_loss: labels', labels.shape, [images, height, width]);
    const pixels = height * width;
    const chunks = lossChunks(pixels);
    const focal = { alpha, gamma };
    const weights = { focal_weight: focalWeight, dice_weight: diceWeight, normalise: normalise ? 1 : 0 };
    const { partials } = launch(
      maskLossPartials,
      { images, classes, pixels, chunks, ...focal },
      { logits, labels },
    );
    const { stats, loss, total } = launch(
      maskLossFinish,
      { rows: images * classes, pixels, chunks, ...weights },
      { partials },
    );
    const dims = { images, classes, pixels, ...focal, ...weights };
    return { output: [total, loss] as const, save: { logits, labels, stats, loss, dims } };
  },
  vjp: ([dy], { logits, labels, stats, loss, dims }) => {
    if (!dy) return {};
    const dlogits = engineOf({ logits }).empty(logits.shape);
    return { logits: launch(maskLossBackward, dims, { dy, logits, labels, stats, loss, dlogits }).dlogits };
  },
});

interface PseudoLabelArgs {
  /** Detached mask logits (B, C, H, W). */
  logits: Tensor;
  /** (B, H, W), u32; pixels marked `unlabelled` are filled in. */
  labels: Tensor;
  /** Indices of the novel classes, u32. */
  novel: Tensor;
  unlabelled: number;
}

/** Self-training labels: every unlabelled pixel takes the best novel class of the prediction. */
export function pseudoLabels({ logits, labels, novel, unlabelled }: PseudoLabelArgs): Tensor {
  const [images, classes, height, width] = logits.shape;
  expectShape('pseudo_labels: labels', labels.shape, [images, height, width]);
  const dims = { images, classes, pixels: height * width, novel_count: novel.size, unlabelled };
  const y = engineOf({ logits }).empty(labels.shape, 'u32');
  return launch(pseudoLabelsKernel, dims, { logits, labels, novel, y }).y;
}
