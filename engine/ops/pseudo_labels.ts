import { upsampledPseudoLabels as kernel } from '../../kernels/mask_loss/pseudo_labels.ts';
import { engineOf, launch } from '../launch.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface UpsampledPseudoLabelArgs {
  /** Detached mask logits on the token grid (B, C, h, w); the labels set the size they are resized to. */
  masks: Tensor;
  /** (B, H, W), u32; pixels marked `unlabelled` are filled in. */
  labels: Tensor;
  /** Indices of the novel classes, u32. */
  novel: Tensor;
  unlabelled: number;
}

/**
 * Self-training labels (B, H, W), u32: every unlabelled pixel takes the best novel class of the bilinear resize of the
 * masks, the first of equals, without that resize.
 */
export function upsampledPseudoLabels(args: UpsampledPseudoLabelArgs): Tensor {
  const { masks, labels, novel, unlabelled } = args;
  expectShape('upsampled_pseudo_labels: masks', masks.shape, [null, null, null, null]);
  const [images, classes, height, width] = masks.shape;
  expectShape('upsampled_pseudo_labels: labels', labels.shape, [images, null, null]);
  const [, out_height, out_width] = labels.shape;
  const size = { images, classes, height, width, out_height, out_width };
  const dims = { ...size, novel_count: novel.size, unlabelled };
  const y = engineOf({ masks }).empty(labels.shape, 'u32');
  return launch(kernel, dims, { masks, labels, novel, y }).y;
}
