import { binaryKernel } from './binary.ts';

export const multiply = binaryKernel({
  name: 'elementwise.multiply',
  doc: 'y = a * b, b broadcast over leading axes.',
  combine: new URL('multiply.wgsl', import.meta.url),
  reference: (a, b) => a * b,
  flops: 1,
  tolerance: 1e-7,
});
