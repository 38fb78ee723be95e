import { fromF16ToFloat32 } from '../../engine/half.ts';
import type { HostTensor } from './tensor_file.ts';

/**
 * The values of a tensor as float32. F16 and BF16 are exact, subnormals and NaN payloads included; F64 and
 * integers are rounded to nearest. An F32 tensor is returned as it is, not copied.
 */
export function toFloat32(tensor: HostTensor): Float32Array<ArrayBuffer> {
  const { dtype, data } = tensor;
  if (data instanceof Float32Array) return data;
  if (dtype === 'F16') return fromF16ToFloat32(data as Uint16Array);
  if (dtype === 'BF16') return fromBrainBits(data as Uint16Array);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  return new Float32Array(data);
}

function fromBrainBits(brains: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(brains.length);
  for (let index = 0; index < bits.length; index++) bits[index] = brains[index]! << 16;
  return new Float32Array(bits.buffer);
}
