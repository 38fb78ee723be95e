/** Width and height in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** A rectangle of pixels within a larger raster. */
export interface Window extends Size {
  left: number;
  top: number;
}

/** Pixels of 8 bits a channel, row by row, the channels of a pixel together: (height, width, channels). */
export interface Raster extends Size {
  data: Uint8Array;
  channels: number;
}

/** The window that holds the whole of `size`. */
export function wholeOf({ width, height }: Size): Window {
  return { left: 0, top: 0, width, height };
}
