import { type Raster, type Size, type Window, wholeOf } from './raster.ts';

/** Weights of the two taps add up to this: OpenCV computes bilinear weights with 11 bits. */
const weightScale = 2048;

/** For every output position the first of its two source positions and the integer weights of both. */
interface Taps {
  first: Int32Array;
  weights: Int32Array;
  nextWeights: Int32Array;
}

/**
 * Bilinear resize to `size` with the integer arithmetic of OpenCV's `resize(..., INTER_LINEAR)` on 8-bit
 * images: half-pixel centres, positions in float32, weights rounded to 11 bits, columns first, and for a
 * pixel between rows a and b, `(w_a (a >> 4) >> 16) + (w_b (b >> 4) >> 16)`, which is rounded to 8 bits.
 * Gives the same bytes as OpenCV 4.14 and 5.0. There is no smoothing before shrinking, as in OpenCV.
 *
 * @param window Compute only this part of the resized image; the result has the size of the window.
 */
export function resizeLinear(source: Raster, size: Size, window: Window = wholeOf(size)): Raster {
  const { channels } = source;
  const columns = columnTaps(size.width, source.width);
  const rows = taps(size.height, source.height);
  const rowLength = window.width * channels;
  const data = new Uint8Array(window.height * rowLength);
  // Resized source rows, kept while the next output rows lie between the same two.
  const resized = [new Int32Array(rowLength), new Int32Array(rowLength)] as const;
  const held = [-1, -1];
  const resizedRow = (row: number): Int32Array => {
    const slot = row & 1;
    if (held[slot] !== row) {
      resizeRow(source, row, columns, window, resized[slot]!);
      held[slot] = row;
    }
    return resized[slot]!;
  };
  for (let y = 0; y < window.height; y++) {
    const above = rows.first[window.top + y]!;
    const last = source.height - 1;
    const upper = resizedRow(Math.max(0, Math.min(above, last)));
    const lower = resizedRow(Math.max(0, Math.min(above + 1, last)));
    const upperWeight = rows.weights[window.top + y]!;
    const lowerWeight = rows.nextWeights[window.top + y]!;
    const offset = y * rowLength;
    for (let i = 0; i < rowLength; i++) {
      const sum = ((upperWeight * (upper[i]! >> 4)) >> 16) + ((lowerWeight * (lower[i]! >> 4)) >> 16);
      data[offset + i] = (sum + 2) >> 2;
    }
  }
  return { width: window.width, height: window.height, channels, data };
}

/**
 * Nearest-neighbour resize as OpenCV's `resize(..., INTER_NEAREST)`: output x takes the source position
 * floor(x * source width / width), so unlike the bilinear one it looks at pixel corners.
 */
export function resizeNearest(source: Raster, size: Size): Raster {
  const { channels } = source;
  const columns = nearestPositions(size.width, source.width);
  const rows = nearestPositions(size.height, source.height);
  const data = new Uint8Array(size.width * size.height * channels);
  let target = 0;
  for (const row of rows) {
    const start = row * source.width;
    for (const column of columns) {
      const pixel = (start + column) * channels;
      for (let channel = 0; channel < channels; channel++) data[target++] = source.data[pixel + channel]!;
    }
  }
  return { ...size, channels, data };
}

/** One source row at the columns of the window, scaled by {@link weightScale}. */
function resizeRow(
  { data, width, channels }: Raster,
  row: number,
  taps: Taps,
  window: Window,
  out: Int32Array,
) {
  const start = row * width * channels;
  let target = 0;
  for (let x = window.left; x < window.left + window.width; x++) {
    const first = taps.first[x]!;
    const weight = taps.weights[x]!;
    const nextWeight = taps.nextWeights[x]!;
    const pixel = start + first * channels;
    const next = first + 1 < width ? pixel + channels : pixel;
    for (let channel = 0; channel < channels; channel++) {
      out[target++] = weight * data[pixel + channel]! + nextWeight * data[next + channel]!;
    }
  }
}

function taps(length: number, sourceLength: number): Taps {
  const scale = sourceScale(length, sourceLength);
  const first = new Int32Array(length);
  const weights = new Int32Array(length);
  const nextWeights = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const position = Math.fround((i + 0.5) * scale - 0.5);
    first[i] = Math.floor(position);
    const fraction = Math.fround(position - first[i]!);
    weights[i] = roundHalfToEven(Math.fround(1 - fraction) * weightScale);
    nextWeights[i] = roundHalfToEven(fraction * weightScale);
  }
  return { first, weights, nextWeights };
}

/** As {@link taps}, but beyond the border the whole weight lies on the border pixel. */
function columnTaps(length: number, sourceLength: number): Taps {
  const result = taps(length, sourceLength);
  for (let i = 0; i < length; i++) {
    const inside = Math.max(0, Math.min(result.first[i]!, sourceLength - 1));
    if (inside === result.first[i] && inside < sourceLength - 1) continue;
    result.first[i] = inside;
    result.weights[i] = weightScale;
    result.nextWeights[i] = 0;
  }
  return result;
}

function nearestPositions(length: number, sourceLength: number): Int32Array {
  const scale = sourceScale(length, sourceLength);
  return Int32Array.from({ length }, (_, i) => Math.min(Math.floor(i * scale), sourceLength - 1));
}

/** Source pixels per output pixel, by the two divisions that OpenCV does; they may differ from one by a bit. */
function sourceScale(length: number, sourceLength: number): number {
  return 1 / (length / sourceLength);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
