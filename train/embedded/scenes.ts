import { ConfigError } from '../../engine/errors.ts';
import type { Random } from '../../engine/random.ts';
import type { Atlas } from './atlas.ts';
import { drawBackground, toBytes } from './background.ts';
import { coverThreshold, type Stamp, stampIcon } from './stamp.ts';

/** Mask value of an object that belongs to no class of the atlas, as VOC's "void". */
export const voidLabel = 255;

/** How scenes look. Lengths are shares of the scene's side. */
export interface SceneOptions {
  atlas: Atlas;
  /** Side of the square scene in pixels. */
  size: number;
  /** Chooses the cell of the scene's object number `index`, 0 first. */
  pickCell: (random: Random, index: number) => number;
  /** Entry n: the probability of n + 1 objects, and the range their size is drawn from. */
  crowds: readonly { probability: number; size: readonly [number, number] }[];
}

export interface SceneObject {
  /** Cell of the atlas. */
  cell: number;
  /** Id of the class in the atlas; null for another noun. */
  classId: number | null;
  /** Smallest rectangle around the visible pixels: left, top, right, bottom; the last two are exclusive. */
  box: [number, number, number, number];
  /** Visible pixels. */
  area: number;
}

export interface Scene {
  /** (size, size, 3) */
  rgb: Uint8Array;
  /** (size, size): 0 background, class id + 1, or {@link voidLabel}. */
  mask: Uint8Array;
  /** From the back to the front. */
  objects: SceneObject[];
}

/** Where a stamp's top left corner lies in the scene, in pixels. */
interface Place {
  left: number;
  top: number;
}

/** One to three objects as in the miniature of VOC. */
export const segmentationCrowds: SceneOptions['crowds'] = [
  { probability: 0.6, size: [0.42, 0.78] },
  { probability: 0.3, size: [0.38, 0.58] },
  { probability: 0.1, size: [0.34, 0.46] },
];

/** A single object that nearly fills the scene, for the first stage of pre-training. */
export const singleObject: SceneOptions['crowds'] = [{ probability: 1, size: [0.6, 0.95] }];

/** Spread of the objects' appearance. */
const sigma = { angle: 0.12, aspect: 0.1, gain: 0.12, pixel: 0.012 };

/** An object must keep this share of its pixels when later ones cover it. */
const visibleShare = 0.5;
/** An object must cover this share of the scene when it is painted. */
const smallestArea = 0.01;
/** Poses and places tried for an object before it is left out. */
const tries = 20;

/**
 * Draws a scene: a background, then the objects one over the other. All randomness comes from `random`, so
 * the same generator state gives the same bytes. Every object keeps at least half of its pixels visible; one
 * for which no such place is found is left out.
 *
 * @throws ConfigError when the side is not 16 to 512 pixels.
 */
export function drawScene(random: Random, options: SceneOptions): Scene {
  const { atlas, size, crowds } = options;
  if (!Number.isInteger(size) || size < 16 || size > 512) {
    throw new ConfigError(
      `A scene of ${size} pixels cannot be drawn.`,
      'Choose a whole number from 16 to 512.',
    );
  }
  const canvas = drawBackground(random, size);
  const owners = new Uint8Array(size * size); // object number + 1, 0 background
  const cells: number[] = [];
  const areas: number[] = [];
  const count = drawCount(random, crowds);
  for (let index = 0; index < count; index++) {
    for (let attempt = 0; attempt < tries; attempt++) {
      const cell = options.pickCell(random, index);
      const stamp = drawStamp(random, atlas, cell, size, crowds[count - 1].size);
      const place = { left: offset(random, size - stamp.width), top: offset(random, size - stamp.height) };
      const covered = coveredPixels(stamp, place, size);
      if (covered.length < smallestArea * size * size || hidesOthers(covered, owners, areas)) continue;
      cells.push(cell);
      areas.push(covered.length);
      blend(canvas, size, stamp, place);
      for (const pixel of covered) owners[pixel] = cells.length;
      break;
    }
  }
  const objects = cells.map((cell, index) => describe(atlas, cell, owners, size, index + 1));
  const labels = objects.map(({ classId }) => (classId === null ? voidLabel : classId + 1));
  const mask = owners.map((owner) => (owner === 0 ? 0 : labels[owner - 1]));
  return { rgb: toBytes(random, canvas, sigma.pixel), mask, objects };
}

function drawCount(random: Random, crowds: SceneOptions['crowds']): number {
  let rest = random.uniform();
  for (let entry = 0; entry < crowds.length - 1; entry++) {
    rest -= crowds[entry].probability;
    if (rest < 0) return entry + 1;
  }
  return crowds.length;
}

function drawStamp(
  random: Random,
  atlas: Atlas,
  cell: number,
  sceneSize: number,
  [smallest, largest]: readonly [number, number],
): Stamp {
  const stamp = stampIcon(atlas, cell, {
    size: sceneSize * random.uniform(smallest, largest),
    angle: sigma.angle * random.normal(),
    flip: random.chance(0.5),
    aspect: Math.exp(sigma.aspect * random.normal()),
  });
  const gains = [0, 1, 2].map(() => Math.max(0, 1 + sigma.gain * random.normal()));
  for (let i = 0; i < stamp.data.length; i += 4) {
    for (let channel = 0; channel < 3; channel++) stamp.data[i + channel] *= gains[channel];
  }
  return stamp;
}

/** A random start for something that leaves `space` pixels free; centred when it is too large for the scene. */
function offset(random: Random, space: number): number {
  return space < 0 ? Math.round(space / 2) : random.integer(0, space + 1);
}

/** Indices of the scene's pixels that a stamp covers by at least {@link coverThreshold}. */
function coveredPixels(stamp: Stamp, place: Place, size: number): number[] {
  const covered: number[] = [];
  forPixels(stamp, place, size, (pixel, from) => {
    if (stamp.data[from + 3] >= coverThreshold) covered.push(pixel);
  });
  return covered;
}

/** Whether covering these pixels leaves an earlier object too little of the area it was painted with. */
function hidesOthers(covered: readonly number[], owners: Uint8Array, areas: readonly number[]): boolean {
  const visible = new Array<number>(areas.length + 1).fill(0);
  for (const owner of owners) visible[owner]++;
  for (const pixel of covered) visible[owners[pixel]]--;
  return areas.some((area, index) => visible[index + 1] < visibleShare * area);
}

/** Paints a stamp over the canvas. */
function blend(canvas: Float32Array, size: number, stamp: Stamp, place: Place): void {
  forPixels(stamp, place, size, (pixel, from) => {
    const through = 1 - stamp.data[from + 3];
    for (let channel = 0; channel < 3; channel++) {
      canvas[pixel * 3 + channel] = canvas[pixel * 3 + channel] * through + stamp.data[from + channel];
    }
  });
}

/** Calls back with pixel index and stamp offset for every pixel of the stamp inside the scene. */
function forPixels(
  stamp: Stamp,
  place: Place,
  size: number,
  visit: (pixel: number, from: number) => void,
): void {
  for (let row = 0; row < stamp.height; row++) {
    for (let column = 0; column < stamp.width; column++) {
      const x = place.left + column;
      const y = place.top + row;
      if (x < 0 || y < 0 || x >= size || y >= size) continue;
      visit(y * size + x, (row * stamp.width + column) * 4);
    }
  }
}

function describe(atlas: Atlas, cell: number, owners: Uint8Array, size: number, owner: number): SceneObject {
  const box: SceneObject['box'] = [size, size, 0, 0];
  let area = 0;
  owners.forEach((value, pixel) => {
    if (value !== owner) return;
    const x = pixel % size;
    const y = Math.floor(pixel / size);
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x + 1);
    box[3] = Math.max(box[3], y + 1);
    area++;
  });
  const name = atlas.cells[cell].class;
  return { cell, classId: name === null ? null : atlas.classes.indexOf(name), box, area };
}
