import type { RunConfig } from '../../train/config/config.ts';
import { fullPreset } from '../../train/config/presets.ts';

/** What grows. */
export const axes = ['tokens', 'batch', 'classes'] as const;
export type Axis = (typeof axes)[number];

/** The sizes of one training step. */
export type Sizes = Record<Axis, number>;

const PATCH = 16;
/** Blocks whose features the cascade taps. */
const TAPS = 7;

/** The sizes along each axis; where one grows, the others stay at `base`. */
export interface Sweep {
  base: Sizes;
  along: Record<Axis, readonly number[]>;
}

export const fullSweep: Sweep = {
  base: { tokens: 1024, batch: 1, classes: 20 },
  along: { tokens: [256, 1024, 2304, 4096], batch: [1, 2, 4], classes: [20, 59, 171] },
};
export const quickSweep: Sweep = {
  base: { tokens: 64, batch: 1, classes: 20 },
  along: { tokens: [16, 64, 144], batch: [1, 2], classes: [20, 59] },
};

/** Every combination of sizes once, cheapest tokens first. */
export function pointsOf({ base, along }: Sweep): Sizes[] {
  const all = axes.flatMap((axis) => along[axis].map((size) => ({ ...base, [axis]: size })));
  const keys = all.map((sizes) => JSON.stringify(sizes));
  return all
    .filter((_, i) => keys.indexOf(keys[i]) === i)
    .sort((a, b) => a.tokens * a.batch - b.tokens * b.batch);
}

/** The points on an axis, smallest first. */
export function along<Point extends { sizes: Sizes }>(points: readonly Point[], axis: Axis, { base }: Sweep) {
  const others = axes.filter((other) => other !== axis);
  return points
    .filter(({ sizes }) => others.every((other) => sizes[other] === base[other]))
    .sort((a, b) => a.sizes[axis] - b.sizes[axis]);
}

/** Side in pixels of a square crop with so many tokens. */
export function cropOf(tokens: number): number {
  return PATCH * Math.sqrt(tokens);
}

/** The published VOC setting at other sizes, the tower with `layers` blocks, its last ones in three stages. */
export function configAt({ tokens, batch }: Sizes, layers: number): RunConfig {
  const config = fullPreset('voc20');
  const { vision, prompts } = config.model;
  const taps = Array.from({ length: Math.min(TAPS, layers) }, (_, i) => i + Math.max(0, layers - TAPS));
  const half = Math.ceil((taps.length - 1) / 2);
  const stages = [taps.slice(0, half), taps.slice(half, -1), taps.slice(-1)];
  return {
    ...config,
    data: { ...config.data, crop: cropOf(tokens) },
    train: { ...config.train, batch, accumulation: 1 },
    model: {
      ...config.model,
      vision: { ...vision, layers },
      prompts: { ...prompts, deep: layers - 1 },
      stages: stages.filter(({ length }) => length > 0),
    },
  };
}
