import {
  closeStage,
  openStage,
  openStageSource,
  type PretrainContext,
} from '../../../train/pretrain/stage_run.ts';
import { rateShare, stagesOf } from '../../../train/pretrain/stages.ts';

/**
 * The losses of the first steps of a pre-training, to be compared with recorded ones. The steps are those of the
 * command; nothing is written.
 */
export async function lossCurve(context: PretrainContext, steps: number): Promise<number[]> {
  const [stage] = stagesOf(context.settings);
  const { warmupSteps } = context.settings.optim;
  const { logInterval } = context.settings.train;
  const run = openStage(context, stage, null);
  const source = openStageSource(context, run);
  const losses: number[] = [];
  try {
    const last = Math.min(stage.from + steps, stage.to);
    for (let step = stage.from; step < last; step++) {
      const { batch } = await source.next();
      await run.trainer.step(step, batch, rateShare(stage, warmupSteps, step));
      const done = step + 1;
      if (done === last || done % logInterval === 0) {
        losses.push(...(await run.trainer.report(done)).map(({ total }) => total));
      }
    }
    return losses;
  } finally {
    await source.close();
    closeStage(run);
  }
}
