import { maskLossFinish } from '../../kernels/mask_loss/finish.ts';
import { upsampled, upsampledGather } from '../../kernels/mask_loss/upsampled.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { type MaskLossSettings, maskLoss, weightDims } from './mask_loss.ts';
import { resize } from './resize.ts';

interface UpsampledMaskLossArgs extends MaskLossSettings {
  /** Mask logits on the token grid (B, C, h, w); the labels set the size they are resized to. */
  masks: Tensor;
}

const fused = defineOp({
  name: 'upsampled_mask_loss',
  forward: ({ masks, alpha, gamma, ...settings }: UpsampledMaskLossArgs) => {
    const { labels } = settings;
    const [images, classes, height, width] = masks.shape;
    const [, out_height, out_width] = labels.shape;
    const size = { images, classes, height, width };
    const dims = { ...size, out_height, out_width, alpha, gamma };
    const weights = weightDims({ ...settings, alpha, gamma });
    const { partials, corners } = launch(upsampled, dims, { masks, labels });
    const pixels = out_height * out_width;
    const { stats, loss, total } = launch(
      maskLossFinish,
      { rows: images * classes, pixels, chunks: height + 1, ...weights },
      { partials },
    );
    const save = { corners, stats, loss, dims: { ...size, pixels, ...weights } };
    return { output: [total, loss] as const, save };
  },
  vjp: ([dy], { corners, stats, loss, dims }) => {
    if (!dy) return {};
    const dmasks = engineOf({ dy }).empty([dims.images, dims.classes, dims.height, dims.width]);
    return { masks: launch(upsampledGather, dims, { dy, corners, stats, loss, dmasks }).dmasks };
  },
});

/**
 * {@link maskLoss} of the bilinear resize (align_corners = false) of masks to the size of the labels, without that
 * resize: logits are interpolated where they are used, and forward keeps sums for each cell between four mask
 * values, from which backward gathers. Masks with at least as many values as there are pixels are resized.
 * @returns [total (1), parts (4) = focal, dice, total, present pairs]; only the total is differentiable.
 */
export function upsampledMaskLoss(args: UpsampledMaskLossArgs): readonly [Tensor, Tensor] {
  const { masks, ...settings } = args;
  expectShape('upsampled_mask_loss: masks', masks.shape, [null, null, null, null]);
  expectShape('upsampled_mask_loss: labels', settings.labels.shape, [masks.shape[0], null, null]);
  const [, , height, width] = masks.shape;
  const [, outHeight, outWidth] = settings.labels.shape;
  if (height * width < outHeight * outWidth) return fused(args);
  return maskLoss({ logits: resize({ x: masks, height: outHeight, width: outWidth }), ...settings });
}
