import { binaryKernel } from './binary.ts';

export const add = binaryKernel({
  name: 'elementwise.add',
  doc: 'y = a + b, b broadcast over leading axes.',
  combine: new URL('add.wgsl', import.meta.url),
  reference: (a, b) => a + b,
  flops: 1,
  tolerance: 1e-7,
});
