/** High and low word of the 64-bit product of two words. */
function wideProduct(a: number, b: number): [high: number, low: number] {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const carry = aLow * bHigh + (middle % 65536);
  const high = aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536);
  return [high >>> 0, Math.imul(a, b) >>> 0];
}

/**
 * Philox4x32-10: four random words from a counter of four words and a key of two. Salmon et al. 2011,
 * "Parallel random numbers: as easy as 1, 2, 3". Same words as `kernels/shared/philox.wgsl`.
 */
export function philox4x32(counter: readonly number[], key: readonly number[]): number[] {
  let [a, b, c, d] = counter;
  let [low, high] = key;
  for (let round = 0; round < 10; round++) {
    const [pHigh, pLow] = wideProduct(0xd2511f53, a);
    const [qHigh, qLow] = wideProduct(0xcd9e8d57, c);
    [a, b, c, d] = [(qHigh ^ b ^ low) >>> 0, qLow, (pHigh ^ d ^ high) >>> 0, pLow];
    low = (low + 0x9e3779b9) >>> 0;
    high = (high + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The integer that random words are compared with: a word below it drops its element. */
export function dropThreshold(probability: number): number {
  return Math.min(Math.round(probability * 2 ** 32), 2 ** 32 - 1);
}

/**
 * Whether element `index` of operation `op` survives dropout.
 * @param state [seedLow, seedHigh, step, 0], the contents of the `random` buffer
 */
export function keep(state: ArrayLike<number>, op: number, index: number, threshold: number): boolean {
  const words = philox4x32([Math.floor(index / 4) >>> 0, op, state[2], 0], [state[0], state[1]]);
  return words[index % 4] >= threshold;
}
