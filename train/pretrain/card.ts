import { createHash } from 'node:crypto';
import * as z from 'zod';
import { readJson, writeJson } from '../../engine/host/json_file.ts';
import { pretrainSchema } from './settings.ts';

/** Steps whose losses a card records, so that a pre-training can be checked without running all of it. */
export const recordedSteps = 50;

const share = z.number().min(0).max(1);

const cardSchema = z.strictObject({
  file: z.string(),
  /** Of the weights file and of both files of the icon atlas. */
  sha256: z.strictObject({ weights: z.string(), atlas: z.string() }),
  command: z.string(),
  seed: z.int(),
  adapter: z.string(),
  date: z.string(),
  /** Trainable numbers in the towers. */
  parameters: z.strictObject({ image: z.int(), text: z.int() }),
  images: z.int(),
  trainingSeconds: z.number(),
  /** Of held-out scenes as in the last stage, of the weights as they are in the file. */
  accuracy: z.strictObject({ scenes: z.int(), image: share, patch: share }),
  settings: pretrainSchema,
  /** The loss of the first steps. */
  firstLosses: z.array(z.number()),
});

/** What is to be known about a finished miniature CLIP. */
export type MiniClipCard = z.infer<typeof cardSchema>;

/** The card's place beside the weights: `mini_clip.json` for `mini_clip.safetensors`. */
export function cardFile(weights: string): string {
  return `${weights.replace(/\.safetensors$/, '')}.json`;
}

/** Writes a card in one atomic step. */
export function writeCard(file: string, card: MiniClipCard): Promise<void> {
  return writeJson(file, card);
}

/** @throws DataError when the file is missing or is no card. */
export function readCard(file: string): MiniClipCard {
  return readJson(file, cardSchema);
}

/** Hexadecimal SHA-256 of the parts one after the other. */
export function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
