import { ConfigError } from '../../../engine/errors.ts';
import { float32Tensor, type StateDict } from '../../../model/weights/tensor_file.ts';
import type { Surroundings } from '../../../train/commands/surroundings.ts';
import type { RunConfig } from '../../../train/config/config.ts';

/** The default places of VOC and CLIP's weights. */
export const vocRoot = 'data/VOCdevkit/VOC2012';
export const clip = 'data/clip/ViT-B-16.pt';

/** A machine that holds these paths, and these saved runs by folder, the newest last; null: one that cannot be read. */
export function machine(paths: string[], runs: Record<string, RunConfig | null> = {}): Surroundings {
  const configs = Object.keys(runs).map((folder) => `${folder}/config.json`);
  return {
    exists: (path) => [...paths, ...configs].includes(path),
    entries: (folder) =>
      Object.keys(runs)
        .filter((run) => run.startsWith(`${folder}/`))
        .map((run) => run.slice(folder.length + 1)),
    modified: (file) => configs.indexOf(file),
    savedConfig: (file) => {
      const config = runs[file.replace('/config.json', '')];
      if (!config) throw new ConfigError(`${file}: optim: missing`);
      return config;
    },
    now: () => new Date(2026, 2, 9, 14, 5, 7),
  };
}

/** The tensors of a file with so many prompt tokens; without a number those of one that has none. */
export function withPrompts(count?: number): StateDict {
  if (count === undefined) return new Map();
  return new Map([['backbone.prompt_embeddings', float32Tensor([1, count, 1], new Float32Array(count))]]);
}
