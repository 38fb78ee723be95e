import { patchFold, patchUnfold as patchUnfoldKernel } from '../../kernels/patch/patch.ts';
import { ShapeError } from '../errors.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape, show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface PatchUnfoldArgs {
  /** (B, channels, H, W) */
  image: Tensor;
  /** Side of a patch in pixels. */
  patch: number;
}

/**
 * (B, N, channels * patch * patch): patches row by row, each in the order of a convolution weight (channel, row,
 * column), so that a patch embedding is a linear layer. Pixels beyond the last whole patch are left out, as a
 * convolution without padding does.
 */
export const patchUnfold = defineOp({
  name: 'patchUnfold',
  forward: ({ image, patch }: PatchUnfoldArgs) => {
    expectShape('patchUnfold: image', image.shape, [null, null, null, null]);
    const [images, channels, height, width] = image.shape;
    if (height < patch || width < patch) {
      throw new ShapeError(
        `patchUnfold: image ${show(image.shape)} holds no patch of ${patch} x ${patch} pixels`,
      );
    }
    const dims = { images, channels, height, width, side: patch };
    return { output: launch(patchUnfoldKernel, dims, { image }).y, save: { shape: image.shape, dims } };
  },
  vjp: (dy, { shape, dims }) => {
    const dimage = engineOf({ dy }).empty(shape);
    return { image: launch(patchFold, dims, { dy, dimage }).dimage };
  },
});
