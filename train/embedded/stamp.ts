import type { Atlas } from './atlas.ts';

/** How a drawing is laid onto the canvas. */
export interface Pose {
  /** Side in pixels of the icon's square cell before the aspect is applied. */
  size: number;
  /** Clockwise rotation in radians. */
  angle: number;
  /** Mirrored left to right. */
  flip: boolean;
  /** Width is multiplied and height divided by the square root of this. */
  aspect: number;
}

/** A resampled drawing: `data` is (height, width, 4), colour multiplied by alpha, then alpha, all 0..1. */
export interface Stamp {
  width: number;
  height: number;
  data: Float32Array;
}

/** From this share of cover on a pixel belongs to the object. */
export const coverThreshold = 0.5;

/**
 * Resamples a cell of the atlas. Every output pixel is the mean of a square grid of bilinear samples that lie
 * at most 1.5 cell pixels apart: an area average when the icon shrinks, plain bilinear interpolation when it
 * grows. The result is cut to the smallest rectangle that holds all pixels with a cover of at least
 * {@link coverThreshold}; it has width 0 when there is none.
 */
export function stampIcon(atlas: Atlas, cell: number, pose: Pose): Stamp {
  const { cellSize } = atlas;
  const stretch = Math.sqrt(pose.aspect);
  const scaleX = (pose.size / cellSize) * stretch;
  const scaleY = pose.size / cellSize / stretch;
  const cos = Math.cos(pose.angle);
  const sin = Math.sin(pose.angle);
  const width = Math.ceil((Math.abs(cos) * scaleX + Math.abs(sin) * scaleY) * cellSize);
  const height = Math.ceil((Math.abs(sin) * scaleX + Math.abs(cos) * scaleY) * cellSize);
  const samples = Math.max(1, Math.ceil(1 / (1.5 * Math.min(scaleX, scaleY))));
  const mirror = pose.flip ? -1 : 1;
  const data = new Float32Array(width * height * 4);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 4) {
      for (let sample = 0; sample < samples * samples; sample++) {
        const dx = x + ((sample % samples) + 0.5) / samples - width / 2;
        const dy = y + (Math.floor(sample / samples) + 0.5) / samples - height / 2;
        const u = (mirror * (cos * dx + sin * dy)) / scaleX + cellSize / 2 - 0.5;
        const v = (cos * dy - sin * dx) / scaleY + cellSize / 2 - 0.5;
        addBilinear(atlas, cell, u, v, data, to);
      }
    }
  }
  const share = 1 / (samples * samples);
  for (let i = 0; i < data.length; i++) data[i] *= share;
  return crop({ width, height, data });
}

/** Adds the cell's premultiplied colour at (u, v), in cell pixels, to `data[to..to+3]`; outside is clear. */
function addBilinear(atlas: Atlas, cell: number, u: number, v: number, data: Float32Array, to: number): void {
  const { cellSize, pixels } = atlas;
  const left = Math.floor(u);
  const top = Math.floor(v);
  for (let corner = 0; corner < 4; corner++) {
    const x = left + (corner & 1);
    const y = top + (corner >> 1);
    if (x < 0 || y < 0 || x >= cellSize || y >= cellSize) continue;
    const weight = (1 - Math.abs(u - x)) * (1 - Math.abs(v - y));
    const from = ((cell * cellSize + y) * cellSize + x) * 4;
    data[to] += weight * pixels[from];
    data[to + 1] += weight * pixels[from + 1];
    data[to + 2] += weight * pixels[from + 2];
    data[to + 3] += weight * pixels[from + 3];
  }
}

function crop(stamp: Stamp): Stamp {
  let left = stamp.width;
  let top = stamp.height;
  let right = 0;
  let bottom = 0;
  for (let y = 0; y < stamp.height; y++) {
    for (let x = 0; x < stamp.width; x++) {
      if (stamp.data[(y * stamp.width + x) * 4 + 3] < coverThreshold) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  const width = Math.max(0, right - left);
  const height = Math.max(0, bottom - top);
  const data = new Float32Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * stamp.width + left) * 4;
    data.set(stamp.data.subarray(from, from + width * 4), y * width * 4);
  }
  return { width, height, data };
}
