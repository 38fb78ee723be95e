import { join } from 'node:path';
import type { Engine } from '../../../engine/engine.ts';
import { type ClipConfig, clipSpecs } from '../../../model/clip.ts';
import { ParameterStore } from '../../../model/store.ts';
import { writeMiniClip } from '../../../model/weights/mini_clip.ts';
import { loadAtlas } from '../../../train/embedded/atlas.ts';
import { captionBook, captionTemplates } from '../../../train/pretrain/captions.ts';
import { settingFlags, tinyModel, tinySteps } from '../../support/command.ts';
import { openEngine } from '../../support/device.ts';

/** Settings of a model that trains in seconds, for {@link writeTinyClip}. */
export const tinySettings = settingFlags([...tinyModel, ...tinySteps, 'eval.maxImages=20']);

/** Writes a miniature CLIP that was never trained, with six blocks of width 32. */
export async function writeTinyClip(folder: string): Promise<string> {
  const file = join(folder, 'tiny_clip.safetensors');
  const book = captionBook(loadAtlas());
  const config: ClipConfig = {
    vision: { patch: 8, width: 32, layers: 6, heads: 2, embedDim: 16, resolution: 48 },
    text: {
      width: 16,
      layers: 1,
      heads: 2,
      embedDim: 16,
      contextLength: book.context,
      vocabularySize: book.vocabulary.size,
    },
  };
  const engine: Engine = await openEngine();
  try {
    const store = new ParameterStore(engine, clipSpecs(config), new Map(), 1);
    await writeMiniClip(file, await store.stateDict(), config, book.vocabulary, captionTemplates, {});
  } finally {
    await engine.close();
  }
  return file;
}
