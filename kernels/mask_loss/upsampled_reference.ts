import type { HostArrays } from '../kernel.ts';
import {
  addPixel,
  type FocalDims,
  focalSlope,
  type GradientDims,
  gradientOf,
  sigmoidSlope,
} from './reference.ts';

/** Masks (images, classes, height, width). */
export interface MaskDims {
  images: number;
  classes: number;
  height: number;
  width: number;
}

/** Masks and the size they are resized to. */
export interface UpsampledDims extends MaskDims {
  out_height: number;
  out_width: number;
}

/**
 * Where an output index lies among the cells of a bilinear resize, which are one more than the inputs: between
 * input `cell` - 1 and input `cell`, at this fraction of the way. In integers, so that a position on an input is
 * never taken for one just before it.
 */
function cellOf(index: number, inputs: number, outputs: number): { cell: number; fraction: number } {
  const numerator = (2 * index + 1) * inputs + outputs;
  return {
    cell: Math.floor(numerator / (2 * outputs)),
    fraction: (numerator % (2 * outputs)) / (2 * outputs),
  };
}

/** The inputs at the two ends of a cell; one and the same beyond the border. */
function endsOf(cell: number, inputs: number): readonly [number, number] {
  return [Math.max(cell - 1, 0), Math.min(cell, inputs - 1)];
}

/** What a pixel of the resize reads: its cell, the four mask values around it within their plane, and their weights. */
interface Pixel {
  at: number;
  band: number;
  cell: number;
  ends: readonly number[];
  weights: readonly number[];
}

/** Calls back for every pixel of a plane. */
function eachPixel(d: UpsampledDims, visit: (pixel: Pixel) => void): void {
  for (let i = 0; i < d.out_height; i++) {
    const { cell: band, fraction: down } = cellOf(i, d.height, d.out_height);
    const [top, bottom] = endsOf(band, d.height).map((row) => row * d.width);
    for (let j = 0; j < d.out_width; j++) {
      const { cell, fraction: across } = cellOf(j, d.width, d.out_width);
      const [left, right] = endsOf(cell, d.width);
      visit({
        at: i * d.out_width + j,
        band,
        cell,
        ends: [top + left, top + right, bottom + left, bottom + right],
        weights: [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across],
      });
    }
  }
}

/** Value of the resize of a plane at a pixel. */
function valueAt({ ends, weights }: Pixel, plane: Float64Array): number {
  return ends.reduce((sum, end, k) => sum + weights[k] * plane[end], 0);
}

function planeOf(d: MaskDims, { masks }: HostArrays, plane: number): Float64Array {
  return masks.subarray(plane * d.height * d.width, (plane + 1) * d.height * d.width);
}

export function upsampledReference(d: UpsampledDims & FocalDims, a: HostArrays): HostArrays {
  const planes = d.images * d.classes;
  const pixels = d.out_height * d.out_width;
  const partials = new Float64Array(planes * (d.height + 1) * 4);
  const corners = new Float64Array(planes * (d.height + 1) * (d.width + 1) * 12);
  for (let plane = 0; plane < planes; plane++) {
    const mask = planeOf(d, a, plane);
    const labels = a.labels.subarray(Math.floor(plane / d.classes) * pixels);
    eachPixel(d, (pixel) => {
      const x = valueAt(pixel, mask);
      const positive = labels[pixel.at] === plane % d.classes;
      const job = plane * (d.height + 1) + pixel.band;
      addPixel(partials, job * 4, { x, positive }, d);
      const slope = sigmoidSlope(x);
      const fields = [focalSlope(x, positive, d), slope, positive ? slope : 0];
      const corner = (job * (d.width + 1) + pixel.cell) * 12;
      for (let k = 0; k < 12; k++) corners[corner + k] += fields[k >> 2] * pixel.weights[k & 3];
    });
  }
  return { partials, corners };
}

export function gatherReference(d: MaskDims & GradientDims, a: HostArrays): HostArrays {
  const planes = d.images * d.classes;
  const fields = Array.from({ length: planes * d.height * d.width }, (): [number, number, number] => [
    0, 0, 0,
  ]);
  for (let job = 0; job < planes * (d.height + 1); job++) {
    const plane = Math.floor(job / (d.height + 1));
    const rows = endsOf(job % (d.height + 1), d.height);
    for (let cell = 0; cell <= d.width; cell++) {
      const columns = endsOf(cell, d.width);
      for (let k = 0; k < 12; k++) {
        const at = (plane * d.height + rows[(k >> 1) & 1]) * d.width + columns[k & 1];
        fields[at][k >> 2] += a.corners[(job * (d.width + 1) + cell) * 12 + k];
      }
    }
  }
  const dmasks = fields.map((sums, at) => gradientOf(d, a, Math.floor(at / (d.height * d.width)), sums));
  return { dmasks: Float64Array.from(dmasks) };
}

export function upsampledPseudoLabelsReference(
  d: UpsampledDims & { unlabelled: number },
  a: HostArrays,
): HostArrays {
  const y = a.labels.slice();
  const pixels = d.out_height * d.out_width;
  for (let image = 0; image < d.images; image++) {
    eachPixel(d, (pixel) => {
      const at = image * pixels + pixel.at;
      if (y[at] !== d.unlabelled) return;
      const score = (c: number): number => valueAt(pixel, planeOf(d, a, image * d.classes + c));
      y[at] = a.novel.reduce((best, c) => (score(c) > score(best) ? c : best));
    });
  }
  return { y };
}
