import type { RunConfig } from '../config/config.ts';
import { embeddedCache } from '../config/presets.ts';
import { defaultCounts, ensureEmbeddedVoc } from './generate.ts';

/** Draws the embedded scenes on first use, into `data.root`; does nothing for other data. */
export async function prepareData({ data }: RunConfig): Promise<void> {
  if (!data.embedded) return;
  await ensureEmbeddedVoc(embeddedCache(data.crop), { seed: 0, size: data.crop, ...defaultCounts });
}
