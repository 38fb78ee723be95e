import { writeFileSync } from 'node:fs';
import { type HostTensor, tensorBytes } from '../../../model/weights/tensor_file.ts';

/** NumPy's type strings of what the tests write. */
const descrOf: Partial<Record<HostTensor['dtype'], string>> = { F16: '<f2', F32: '<f4', I32: '<i4' };

/** Writes a tensor byte for byte as `numpy.save` does (format 1.0, C order). */
export function writeNpy(path: string, tensor: HostTensor): void {
  const { dtype, shape } = tensor;
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '${descrOf[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // magic, version and length take 10 bytes, a line feed the last one, and all of it a multiple of 64
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10;
  const head = Buffer.from(`\x93NUMPY\x01\x00..${dict.padEnd(length - 1)}\n`, 'latin1');
  head.writeUInt16LE(length, 8);
  writeFileSync(path, Buffer.concat([head, tensorBytes(tensor)]));
}
