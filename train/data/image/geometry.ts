import type { Random } from '../../../engine/random.ts';
import type { Raster, Size, Window } from './raster.ts';

/**
 * The largest size of the same shape whose sides fit into `bounds`, [long, short] or [short, long], as
 * mmsegmentation rescales: factor min(long / longer side, short / shorter side), sides rounded half up.
 */
export function fitSize({ width, height }: Size, bounds: readonly [number, number]): Size {
  const factor = Math.min(
    Math.max(...bounds) / Math.max(width, height),
    Math.min(...bounds) / Math.min(width, height),
  );
  const scaled = (side: number) => Math.max(1, Math.floor(side * factor + 0.5));
  return { width: scaled(width), height: scaled(height) };
}

/** The size of the same shape whose shorter side is exactly `side`; the longer one has no limit. */
export function shortSideSize(size: Size, side: number): Size {
  const { width, height } = size;
  return fitSize(size, [side, (side * Math.max(width, height)) / Math.min(width, height)]);
}

/** Redraws of a crop at most, as in mmsegmentation. */
const maxRedraws = 10;

/**
 * A crop of [height, width], or of the whole extent where the raster is smaller, at a uniformly random place.
 * It is redrawn up to ten times while it shows a single class or one class fills `catMaxRatio` or more of the
 * pixels that are not `ignored`; the last redraw is taken as it is.
 */
export function randomCrop(
  random: Random,
  labels: Raster,
  [cropHeight, cropWidth]: readonly [number, number],
  catMaxRatio: number,
  ignored: number,
): Window {
  const width = Math.min(cropWidth, labels.width);
  const height = Math.min(cropHeight, labels.height);
  const draw = (): Window => ({
    top: random.integer(0, labels.height - height + 1),
    left: random.integer(0, labels.width - width + 1),
    width,
    height,
  });
  let window = draw();
  if (catMaxRatio >= 1) return window;
  for (let redraw = 0; redraw < maxRedraws; redraw++) {
    if (isVaried(labels, window, catMaxRatio, ignored)) break;
    window = draw();
  }
  return window;
}

/** Whether more than one class shows in the window and the largest share is below `catMaxRatio`. */
function isVaried(labels: Raster, window: Window, catMaxRatio: number, ignored: number): boolean {
  const counts = new Uint32Array(256);
  for (let y = window.top; y < window.top + window.height; y++) {
    const start = y * labels.width + window.left;
    for (let i = start; i < start + window.width; i++) counts[labels.data[i]!]!++;
  }
  counts[ignored] = 0;
  const present = counts.filter((count) => count > 0);
  const total = present.reduce((sum, count) => sum + count, 0);
  return present.length > 1 && Math.max(...present) / total < catMaxRatio;
}

/** The part of a raster in a window, optionally mirrored left to right. */
export function cutOut({ width, channels, data }: Raster, window: Window, mirrored = false): Raster {
  const cut = new Uint8Array(window.width * window.height * channels);
  let target = 0;
  for (let y = 0; y < window.height; y++) {
    for (let x = 0; x < window.width; x++) {
      const column = mirrored ? window.width - 1 - x : x;
      const pixel = ((window.top + y) * width + window.left + column) * channels;
      for (let channel = 0; channel < channels; channel++) cut[target++] = data[pixel + channel]!;
    }
  }
  return { width: window.width, height: window.height, channels, data: cut };
}
