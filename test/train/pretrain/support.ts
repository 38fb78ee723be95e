import type { Progress } from '../../../train/io/progress.ts';
import { defaultSettings, type PretrainSettings } from '../../../train/pretrain/settings.ts';

/** A pre-training that takes a second: scenes of 16 pixels in four tokens, then of 32 in sixteen. */
export const tinySettings: PretrainSettings = {
  ...defaultSettings,
  model: {
    patch: 8,
    width: 32,
    layers: 2,
    heads: 2,
    embedDim: 16,
    textWidth: 32,
    textLayers: 1,
    textHeads: 2,
  },
  optim: { ...defaultSettings.optim, warmupSteps: 4 },
  stage1: { steps: 6, size: 16, lr: 3e-3 },
  stage2: { steps: 4, size: 32, lr: 2e-3 },
  data: { ...defaultSettings.data, workers: 0 },
  train: {
    batch: 8,
    logInterval: 2,
    evalInterval: 100,
    checkpointInterval: 100,
    evalScenes: 20,
    stopAt: null,
  },
};

/** Keeps what would be printed. */
export function silentProgress(): Progress & { notes: string[] } {
  const notes: string[] = [];
  return { notes, report: () => {}, note: (text) => notes.push(text), finish: () => {} };
}
