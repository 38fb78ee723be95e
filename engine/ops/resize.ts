import { bilinearBackward, bilinearForward } from '../../kernels/bilinear/bilinear.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape, product } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface ResizeArgs {
  /** (..., rows, cols) */
  x: Tensor;
  height: number;
  width: number;
}

/** Bilinear resize of the last two axes, align_corners = false. Resizing to the same size is the identity. */
export const resize = defineOp({
  name: 'resize',
  forward: ({ x, height, width }: ResizeArgs) => {
    const engine = engineOf({ x });
    const planes = product(x.shape.slice(0, -2));
    const [rows, cols] = x.shape.slice(-2);
    const dims = { planes, height: rows, width: cols, out_height: height, out_width: width };
    if (rows === height && cols === width) return { output: engine.view(x, x.shape), save: { dims } };
    const y = engine.empty([...x.shape.slice(0, -2), height, width], x.dtype);
    launch(bilinearForward, dims, { x, y });
    return { output: y, save: { dims } };
  },
  vjp: (dy, { dims }) => {
    const { height, width, out_height, out_width } = dims;
    const engine = engineOf({ dy });
    const shape = [...dy.shape.slice(0, -2), height, width];
    expectShape('resize: gradient', dy.shape.slice(-2), [out_height, out_width]);
    if (height === out_height && width === out_width) return { x: engine.view(dy, shape) };
    return { x: launch(bilinearBackward, dims, { dy, dx: engine.empty(shape, dy.dtype) }).dx };
  },
});
