import { maskLossFinish } from '../../kernels/mask_loss/finish.ts';
import { upsampled, upsampledGather } from '../../kernels/mask_loss/upsampled.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface UpsampledMaskLossArgs {
  /** Mask logits on the token grid (B, C, h, w); the labels set the size they are resized to. */
  masks: Tensor;
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
 * Weighted sigmoid focal and dice loss of the bilinear resize (align_corners = false) of masks to the size of the
 * labels, without that resize: logits are interpolated where they are used, and forward keeps sums for each cell
 * between four mask values, from which backward gathers.
 * @returns [total (1), parts (4) = focal, dice, total, present pairs]; only the total is differentiable.
 */
export const upsampledMaskLoss = defineOp({
  name: 'upsampled_mask_loss',
  forward: (args: UpsampledMaskLossArgs) => {
    const { masks, labels, alpha, gamma } = args;
    expectShape('upsampled_mask_loss: masks', masks.shape, [null, null, null, null]);
    const [images, classes, height, width] = masks.shape;
    expectShape('upsampled_mask_loss: labels', labels.shape, [images, null, null]);
    const [, out_height, out_width] = labels.shape;
    const size = { images, classes, height, width };
    const dims = { ...size, out_height, out_width, alpha, gamma };
    const { partials, corners } = launch(upsampled, dims, { masks, labels });
    const ending = {
      pixels: out_height * out_width,
      focal_weight: args.focalWeight,
      dice_weight: args.diceWeight,
      normalise: Number(args.normalise),
    };
    const rows = { rows: images * classes, chunks: height + 1 };
    const { stats, loss, total } = launch(maskLossFinish, { ...rows, ...ending }, { partials });
    return { output: [total, loss] as const, save: { corners, stats, loss, dims: { ...size, ...ending } } };
  },
  vjp: ([dy], { corners, stats, loss, dims }) => {
    if (!dy) return {};
    const dmasks = engineOf({ dy }).empty([dims.images, dims.classes, dims.height, dims.width]);
    return { masks: launch(upsampledGather, dims, { dy, corners, stats, loss, dmasks }).dmasks };
  },
});
