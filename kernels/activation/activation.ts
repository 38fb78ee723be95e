import { binaryKernel } from '../elementwise/binary.ts';
import { unaryKernel } from '../elementwise/unary.ts';

const at = (file: string): URL => new URL(file, import.meta.url);

/** x * sigmoid(1.702 x), CLIP's approximation of GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
export function quickGeluReference(x: number): number {
  return x / (1 + Math.exp(-1.702 * x));
}

export const quickGelu = unaryKernel({
  name: 'activation.quick_gelu',
  doc: 'y = x * sigmoid(1.702 x). Hendrycks and Gimpel 2016, arXiv:1606.08415, as CLIP uses it.',
  apply: at('quick_gelu.wgsl'),
  reference: quickGeluReference,
  flops: 5,
  // WGSL allows exp an error of a few units in the last place
  tolerance: 1e-6,
});

export const quickGeluBackward = binaryKernel({
  name: 'activation.quick_gelu_backward',
  doc: 'dx = dy * s (1 + 1.702 x (1 - s)), s = sigmoid(1.702 x); a is x, b is dy.',
  combine: at('quick_gelu_backward.wgsl'),
  reference: (x, dy) => {
    const s = 1 / (1 + Math.exp(-1.702 * x));
    return dy * s * (1 + 1.702 * x * (1 - s));
  },
  flops: 10,
  tolerance: 1e-6,
});

export const reluBackward = binaryKernel({
  name: 'activation.relu_backward',
  doc: 'dx = dy where x > 0, else 0; a is x or y, b is dy.',
  combine: at('relu_backward.wgsl'),
  reference: (x, dy) => (x > 0 ? dy : 0),
  flops: 1,
  tolerance: 0,
});
