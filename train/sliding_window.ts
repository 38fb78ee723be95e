/** A window of an image, in pixels; `y2` and `x2` are one past the last row and column. */
export interface Window {
  y1: number;
  y2: number;
  x1: number;
  x2: number;
}

/**
 * The windows that cover an image, row by row, each `crop` pixels wide and high (or as large as the image),
 * `stride` pixels apart; the last ones are shifted back to end at the border. Spec: sliding-window inference.
 */
export function slidingWindows(height: number, width: number, crop: number, stride: number): Window[] {
  const columns = spans(width, crop, stride);
  return spans(height, crop, stride).flatMap(([y1, y2]) => columns.map(([x1, x2]) => ({ y1, y2, x1, x2 })));
}

/**
 * The size a test image is resized to: the short side becomes `shortSide`, the ratio is kept, the long side is
 * rounded half up and has no cap.
 */
export function testSize(
  height: number,
  width: number,
  shortSide: number,
): { height: number; width: number } {
  const factor = shortSide / Math.min(height, width);
  return { height: Math.floor(height * factor + 0.5), width: Math.floor(width * factor + 0.5) };
}

/** [start, end) of the windows along one side. */
function spans(length: number, crop: number, stride: number): [number, number][] {
  const count = Math.ceil(Math.max(length - crop, 0) / stride) + 1;
  return Array.from({ length: count }, (_, index) => {
    const end = Math.min(index * stride + crop, length);
    return [Math.max(end - crop, 0), end];
  });
}
