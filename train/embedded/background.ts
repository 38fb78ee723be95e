import type { Random } from '../../engine/random.ts';

/** Cells a side of the coarse grid that the low-frequency noise is interpolated from. */
const coarse = 5;

/**
 * A background to put objects on: a linear gradient between two colours in a random direction plus smooth
 * noise. Returns (size, size, 3) in 0..1, not clamped.
 */
export function drawBackground(random: Random, size: number): Float32Array {
  const base = colour(random, 0.15, 0.9);
  const shift = colour(random, -0.25, 0.25);
  const angle = random.uniform(0, 2 * Math.PI);
  const alongX = Math.cos(angle);
  const alongY = Math.sin(angle);
  const strength = random.uniform(0.02, 0.09);
  const noise = new Float32Array(coarse * coarse * 3);
  for (let point = 0; point < noise.length; point += 3) {
    const light = strength * random.normal();
    for (let channel = 0; channel < 3; channel++) {
      noise[point + channel] = light + 0.4 * strength * random.normal();
    }
  }
  const canvas = new Float32Array(size * size * 3);
  for (let y = 0, to = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const u = (x + 0.5) / size;
      const v = (y + 0.5) / size;
      const along = alongX * (u - 0.5) + alongY * (v - 0.5);
      const left = Math.min(coarse - 2, Math.floor(u * (coarse - 1)));
      const top = Math.min(coarse - 2, Math.floor(v * (coarse - 1)));
      const right = smooth(u * (coarse - 1) - left);
      const below = smooth(v * (coarse - 1) - top);
      const corner = (top * coarse + left) * 3;
      for (let channel = 0; channel < 3; channel++, to++) {
        const at = corner + channel;
        const upper = noise[at] * (1 - right) + noise[at + 3] * right;
        const lower = noise[at + coarse * 3] * (1 - right) + noise[at + coarse * 3 + 3] * right;
        canvas[to] = base[channel] + 2 * along * shift[channel] + upper * (1 - below) + lower * below;
      }
    }
  }
  return canvas;
}

/** Rounds a canvas in 0..1 to bytes after adding evenly spread noise of standard deviation `sigma`. */
export function toBytes(random: Random, canvas: Float32Array, sigma: number): Uint8Array {
  const halfWidth = sigma * Math.sqrt(3);
  const bytes = new Uint8Array(canvas.length);
  for (let i = 0; i < canvas.length; i++) {
    const value = canvas[i] + random.uniform(-halfWidth, halfWidth);
    bytes[i] = Math.round(255 * Math.min(1, Math.max(0, value)));
  }
  return bytes;
}

/** A colour around a grey level, so that strong tints are rarer than weak ones. */
function colour(random: Random, low: number, high: number): number[] {
  const grey = random.uniform(low, high);
  const tint = random.uniform(0, 0.6);
  return [0, 1, 2].map(() => grey + tint * (random.uniform(low, high) - grey));
}

/** 3 t^2 - 2 t^3: no kinks at the grid lines. */
function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}
