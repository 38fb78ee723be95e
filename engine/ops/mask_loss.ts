import { maskLossFinish } from '../../kernels/mask_loss/finish.ts';
import { lossChunks, maskLossBackward, maskLossPartials } from '../../kernels/mask_loss/mask_loss.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** What the loss of masks needs besides the masks. */
export interface MaskLossSettings {
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

interface MaskLossArgs extends MaskLossSettings {
  /** Mask logits (B, C, H, W). */
  logits: Tensor;
}

/** The settings as kernels take them. */
export function weightDims({ focalWeight, diceWeight, normalise }: MaskLossSettings): {
  focal_weight: number;
  dice_weight: number;
  normalise: number;
} {
  return { focal_weight: focalWeight, dice_weight: diceWeight, normalise: normalise ? 1 : 0 };
}

/**
 * Weighted sigmoid focal and dice loss of all masks.
 * @returns [total (1), parts (4) = focal, dice, total, present pairs]; only the total is differentiable.
 */
export const maskLoss = defineOp({
  name: 'mask_loss',
  forward: ({ logits, labels, alpha, gamma, ...settings }: MaskLossArgs) => {
    expectShape('mask_loss: logits', logits.shape, [null, null, null, null]);
    const [images, classes, height, width] = logits.shape;
    expectShape('mask_loss: labels', labels.shape, [images, height, width]);
    const pixels = height * width;
    const chunks = lossChunks(pixels);
    const weights = weightDims({ labels, alpha, gamma, ...settings });
    const { partials } = launch(
      maskLossPartials,
      { images, classes, pixels, chunks, alpha, gamma },
      { logits, labels },
    );
    const { stats, loss, total } = launch(
      maskLossFinish,
      { rows: images * classes, pixels, chunks, ...weights },
      { partials },
    );
    const dims = { images, classes, pixels, alpha, gamma, ...weights };
    return { output: [total, loss] as const, save: { logits, labels, stats, loss, dims } };
  },
  vjp: ([dy], { logits, labels, stats, loss, dims }) => {
    if (!dy) return {};
    const dlogits = engineOf({ logits }).empty(logits.shape);
    return { logits: launch(maskLossBackward, dims, { dy, logits, labels, stats, loss, dlogits }).dlogits };
  },
});
