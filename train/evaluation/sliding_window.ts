import type { Window } from '../../engine/ops/index.ts';

/**
 * The windows that cover an image, row by row, each `crop` pixels wide and high (or as large as the image),
 * `stride` pixels apart; the last ones are shifted back to end at the border. Spec: sliding-window inference.
 */
export function slidingWindows(height: number, width: number, crop: number, stride: number): Window[] {
  const columns = spans(width, crop, stride);
  return spans(height, crop, stride).flatMap(([y1, y2]) => columns.map(([x1, x2]) => ({ y1, y2, x1, x2 })));
}

/** [start, end) of the windows along one side. */
function spans(length: number, crop: number, stride: number): [number, number][] {
  const count = Math.ceil(Math.max(length - crop, 0) / stride) + 1;
  return Array.from({ length: count }, (_, index) => {
    const end = Math.min(index * stride + crop, length);
    return [Math.max(end - crop, 0), end];
  });
}
