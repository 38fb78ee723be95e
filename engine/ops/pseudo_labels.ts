import {
  pseudoLabels as pseudoLabelsKernel,
  upsampledPseudoLabels as upsampledKernel,
} from '../../kernels/mask_loss/pseudo_labels.ts';
import { engineOf, launch } from '../launch.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface LabelArgs {
  /** (B, H, W), u32; pixels marked `unlabelled` are filled in. */
  labels: Tensor;
  /** Indices of the novel classes, u32. */
  novel: Tensor;
  unlabelled: number;
}

interface PseudoLabelArgs extends LabelArgs {
  /** Detached mask logits (B, C, H, W). */
  logits: Tensor;
}

/** Self-training labels: every unlabelled pixel takes the best novel class of the prediction. */
export function pseudoLabels({ logits, labels, novel, unlabelled }: PseudoLabelArgs): Tensor {
  expectShape('pseudo_labels: logits', logits.shape, [null, null, null, null]);
  const [images, classes, height, width] = logits.shape;
  expectShape('pseudo_labels: labels', labels.shape, [images, height, width]);
  const dims = { images, classes, pixels: height * width, novel_count: novel.size, unlabelled };
  const y = engineOf({ logits }).empty(labels.shape, 'u32');
  return launch(pseudoLabelsKernel, dims, { logits, labels, novel, y }).y;
}

interface UpsampledPseudoLabelArgs extends LabelArgs {
  /** Detached mask logits on the token grid (B, C, h, w); the labels set the size they are resized to. */
  masks: Tensor;
}

/** {@link pseudoLabels} of the bilinear resize of masks to the size of the labels, without that resize. */
export function upsampledPseudoLabels({
  masks,
  labels,
  novel,
  unlabelled,
}: UpsampledPseudoLabelArgs): Tensor {
  expectShape('upsampled_pseudo_labels: masks', masks.shape, [null, null, null, null]);
  const [images, classes, height, width] = masks.shape;
  expectShape('upsampled_pseudo_labels: labels', labels.shape, [images, null, null]);
  const [, out_height, out_width] = labels.shape;
  const size = { images, classes, height, width, out_height, out_width };
  const dims = { ...size, novel_count: novel.size, unlabelled };
  const y = engineOf({ masks }).empty(labels.shape, 'u32');
  return launch(upsampledKernel, dims, { masks, labels, novel, y }).y;
}
