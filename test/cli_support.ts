import type { Surroundings } from '../train/cli.ts';
import type { RunConfig } from '../train/config.ts';

/** Where VOC and CLIP's weights are looked for when no path is given. */
export const vocRoot = 'data/VOCdevkit/VOC2012';
export const clip = 'data/clip/ViT-B-16.pt';

/** A machine that holds these paths, and these saved runs by folder. */
export function machine(paths: string[], runs: Record<string, RunConfig> = {}): Surroundings {
  const configs = Object.keys(runs).map((folder) => `${folder}/config.json`);
  return {
    exists: (path) => [...paths, ...configs].includes(path),
    entries: (folder) =>
      Object.keys(runs)
        .filter((run) => run.startsWith(`${folder}/`))
        .map((run) => run.slice(folder.length + 1)),
    savedConfig: (file) => runs[file.replace('/config.json', '')]!,
    now: () => new Date(2026, 2, 9, 14, 5, 7),
  };
}
