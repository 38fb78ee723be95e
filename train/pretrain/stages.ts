import type { Crowd } from './batch.ts';
import type { PretrainSettings } from './settings.ts';

/** A part of a pre-training with scenes of one kind and a learning-rate cycle of its own. */
export interface Stage {
  name: 'stage1' | 'stage2';
  /** First step, and the step after the last, counted over the whole pre-training. */
  from: number;
  to: number;
  size: number;
  lr: number;
  crowd: Crowd;
}

/** The stages that have any steps: first single objects, then scenes as segmentation sees them. */
export function stagesOf({ stage1, stage2 }: PretrainSettings): Stage[] {
  const end = stage1.steps + stage2.steps;
  const stages: Stage[] = [
    { name: 'stage1', from: 0, to: stage1.steps, size: stage1.size, lr: stage1.lr, crowd: 'single' },
    { name: 'stage2', from: stage1.steps, to: end, size: stage2.size, lr: stage2.lr, crowd: 'several' },
  ];
  return stages.filter(({ from, to }) => to > from);
}

/** Share of the stage's highest learning rate: linear warm-up, then half a cosine to zero. Loshchilov & Hutter 2017. */
export function rateShare({ from, to }: Stage, warmupSteps: number, step: number): number {
  const done = step - from;
  const warmup = Math.min(warmupSteps, to - from);
  if (done < warmup) return (done + 1) / (warmup + 1);
  return 0.5 * (1 + Math.cos((Math.PI * (done - warmup)) / (to - from - warmup)));
}
