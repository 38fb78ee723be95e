import type { Random } from '../kernel.ts';

/** Test settings of the losses: alpha and gamma of focal loss as published, weights as in Cascade-CLIP. */
export const published = { alpha: 0.25, gamma: 2 };
export const weights = { focal_weight: 100, dice_weight: 1 };

/** Logits about as a trained model gives them: most are negative. */
export function logitsInput(count: number, random: Random): Float32Array {
  return Float32Array.from({ length: count }, () => 12 * random() - 8);
}

/** Labels among the classes, one in eight 255; some classes stay absent. */
export function labelsInput(count: number, classes: number, random: Random): Uint32Array {
  const used = Math.max(1, Math.ceil(classes * 0.7));
  return Uint32Array.from({ length: count }, () => (random() < 0.125 ? 255 : Math.floor(random() * used)));
}

/** {@link labelsInput}, of which the odd ones are marked unlabelled. */
export function unlabelledInput(
  count: number,
  { classes, unlabelled }: { classes: number; unlabelled: number },
  random: Random,
): Uint32Array {
  return labelsInput(count, classes, random).map((label) => (label % 2 === 1 ? unlabelled : label));
}

/** Dice constants of some rows: numerator, denominator, present, 0. */
export function statsInput(rows: number, pixels: number, random: Random): Float32Array {
  return Float32Array.from({ length: 4 * rows }, (_, i) =>
    i % 4 === 2 ? Math.round(random()) : 1 + random() * pixels,
  );
}
