/**
 * IEEE 754 half-precision bits of float32 values, rounded to nearest, ties to even. Magnitudes from 65520 on
 * become infinite; a NaN stays a NaN.
 */
export function fromFloat32ToF16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  // plain loops: a hundred million weights pass through here, and `from` with a function is 30 times slower
  for (let index = 0; index < halves.length; index++) halves[index] = halfOf(bits[index]!);
  return halves;
}

const FLOAT_BIAS = 127;
const HALF_BIAS = 15;

function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // The quiet bit keeps a NaN whose payload lies in the dropped bits from turning into an infinity.
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff);
  const exponent = (magnitude >>> 23) - FLOAT_BIAS + HALF_BIAS;
  if (exponent >= 31) return sign | 0x7c00;
  // A carry out of the fraction rightly moves on to the next exponent, up to infinity.
  if (exponent > 0) return sign | roundShift((exponent << 23) | (magnitude & 0x7fffff), 13);
  return exponent < -10 ? sign : sign | roundShift((magnitude & 0x7fffff) | 0x800000, 14 - exponent);
}

/** `value / 2^shift`, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const dropped = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return dropped > half || (dropped === half && (kept & 1) === 1) ? kept + 1 : kept;
}

/** Float32 bits of every half-precision value, made on first use. */
let halfTable: Uint32Array | undefined;

/** The float32 values of IEEE 754 half-precision bits: exact, subnormals and NaN payloads included. */
export function fromF16ToFloat32(halves: Uint16Array): Float32Array<ArrayBuffer> {
  halfTable ??= Uint32Array.from({ length: 0x10000 }, (_, half) => floatBitsOf(half));
  const table = halfTable;
  const bits = new Uint32Array(halves.length);
  for (let index = 0; index < bits.length; index++) bits[index] = table[halves[index]!]!;
  return new Float32Array(bits.buffer);
}

function floatBitsOf(half: number): number {
  const sign = (half & 0x8000) * 0x10000;
  const exponent = (half >>> 10) & 0x1f;
  let fraction = half & 0x3ff;
  if (exponent === 31) return sign + 0x7f800000 + fraction * 0x2000;
  if (exponent > 0) return sign + (exponent - HALF_BIAS + FLOAT_BIAS) * 0x800000 + fraction * 0x2000;
  if (fraction === 0) return sign;
  // A subnormal half is a normal float: shift its leading bit up to the implicit place.
  const shift = Math.clz32(fraction) - 21;
  fraction = (fraction << shift) & 0x3ff;
  return sign + (1 - shift - HALF_BIAS + FLOAT_BIAS) * 0x800000 + fraction * 0x2000;
}
