/**
 * Resizes the spatial rows of a position table bilinearly (align_corners=false, no antialiasing), as the
 * release does on loading, computed in float64. Row 0, the class token's, is copied; equal grids give an exact copy.
 *
 * @param table (1 + fromGrid^2, width), row-major.
 * @returns (1 + toGrid^2, width).
 */
export function resizePositions(
  table: Float32Array,
  width: number,
  fromGrid: number,
  toGrid: number,
): Float32Array<ArrayBuffer> {
  if (fromGrid === toGrid) return table.slice();
  const resized = new Float32Array((1 + toGrid * toGrid) * width);
  resized.set(table.subarray(0, width));
  const taps = Array.from({ length: toGrid }, (_, place) => tapOf(place, fromGrid, toGrid));
  let target = width;
  for (const row of taps) {
    for (const column of taps) {
      const corner = (r: number, c: number) => (1 + r * fromGrid + c) * width;
      const topLeft = corner(row.low, column.low);
      const topRight = corner(row.low, column.high);
      const bottomLeft = corner(row.high, column.low);
      const bottomRight = corner(row.high, column.high);
      for (let channel = 0; channel < width; channel++) {
        const top = mix(table[topLeft + channel]!, table[topRight + channel]!, column.weight);
        const bottom = mix(table[bottomLeft + channel]!, table[bottomRight + channel]!, column.weight);
        resized[target++] = mix(top, bottom, row.weight);
      }
    }
  }
  return resized;
}

/** The two source places that a target place lies between, and the share of the higher one. */
function tapOf(place: number, from: number, to: number) {
  const source = Math.max(0, ((place + 0.5) * from) / to - 0.5);
  const low = Math.min(Math.floor(source), from - 1);
  return { low, high: Math.min(low + 1, from - 1), weight: source - low };
}

function mix(low: number, high: number, weight: number): number {
  return low * (1 - weight) + high * weight;
}
