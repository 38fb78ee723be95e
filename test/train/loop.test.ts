import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, DataError, NonFiniteError } from '../../engine/errors.ts';
import type { RunConfig } from '../../train/config/config.ts';
import { embeddedPreset, fullPreset } from '../../train/config/presets.ts';
import type { TrainLoader } from '../../train/data/loader.ts';
import type { EvalReport } from '../../train/evaluation/metrics.ts';
import { formatPlan } from '../../train/io/progress.ts';
import { improves, type LoopEnd, trainingLoop } from '../../train/loop.ts';
import { openRunLog } from '../../train/run_folder.ts';
import type { Trainer } from '../../train/trainer.ts';
import { rejectionOf } from '../support/error_of.ts';

/** The loop with steps that do nothing: what is evaluated and saved when. */
const test = suite('training loop');
const folder = mkdtempSync(join(tmpdir(), 'training-loop-'));
test.after(() => rmSync(folder, { recursive: true }));

const trainer = {
  step: async () => {},
  release: () => {},
  learningRate: () => 0,
  gpuBytes: () => 0,
  report: async () => ({ focal: 0, dice: 0, total: 0, each: [] }),
} as unknown as Trainer;
/** Finds a step bad, and tells with how many batches it looked for the cause. */
const brokenTrainer = (bad: number): Trainer =>
  ({
    ...trainer,
    report: async () => ({ step: bad }),
    diagnose: async (step: number, data: unknown[]) =>
      new NonFiniteError(`step ${step}, ${data.length} batches`, ''),
  }) as unknown as Trainer;
/** Gives batches until that of step `brokenAt`, which has a broken mask. */
const loaderFrom = (first: number, brokenAt?: number, starts: number[] = []): TrainLoader => {
  let step = first;
  const next = async () => {
    if (step === brokenAt) throw new DataError('mask.png', 'is broken');
    step += 1;
    return { waitMs: 0 };
  };
  return { startAt: (batch: number) => void starts.push(batch), next } as unknown as TrainLoader;
};

const reportOf = (hiou: number | null, mean: number | null = hiou): EvalReport => {
  const part = { seen: hiou, unseen: hiou, hiou, mean, pixelAccuracy: null };
  return { ...part, classes: [], withBackground: null };
};

interface Asked {
  /** Steps done before, and the best score of them. */
  from?: number;
  best?: number | null;
  stopAt?: number;
  /** Interrupted when so many steps are done. */
  cutAt?: number;
  /** The batch of this step has a broken mask. */
  brokenAt?: number;
  /** The evaluation after a step; one that throws ends the process, so to speak. */
  found?: (step: number) => EvalReport;
  /** Receives what was done. */
  into?: string[];
  accumulation?: number;
  /** Receives the numbers of the batches that the loader was to start at. */
  starts?: number[];
  /** The loss of this step is not finite. */
  badStep?: number;
}

/** Twelve steps, evaluated every four, saved every six: what was done, in order, and the evaluations in the log. */
async function run(log: string, asked: Asked): Promise<{ done: string[]; end: LoopEnd; logged: unknown[] }> {
  const preset = embeddedPreset({ maxIters: 12 });
  const config: RunConfig = {
    ...preset,
    train: {
      ...preset.train,
      accumulation: asked.accumulation ?? 1,
      evalInterval: 4,
      checkpointInterval: 6,
      stopAt: asked.stopAt ?? null,
    },
  };
  const file = join(folder, `${log}.jsonl`);
  const done = asked.into ?? [];
  let steps = asked.from ?? 0;
  const end = await trainingLoop({
    config,
    trainer: asked.badStep === undefined ? trainer : brokenTrainer(asked.badStep),
    loader: loaderFrom(steps, asked.brokenAt, asked.starts),
    log: await openRunLog(file, steps),
    progress: { report: () => {}, note: () => {}, finish: () => {} },
    from: steps,
    best: asked.best ?? null,
    interrupted: () => ++steps === asked.cutAt,
    actions: {
      save: async (step, best) => void done.push(`save ${step} ${best}`),
      dataFailed: (step) => void done.push(`failed ${step}`),
      saveBest: async (step, best) => void done.push(`best ${step} ${best}`),
      evaluate: async (step) => {
        done.push(`evaluate ${step}`);
        return (asked.found ?? reportOf)(step);
      },
    },
  });
  const records = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { done, end, logged: records.filter((record) => 'eval' in record).map(({ step }) => step) };
}

test('the plan tells the images of a step and the warm-up', () => {
  assert.is(
    formatPlan(fullPreset('voc20', { batch: 2 }), { train: 10582, val: 1449 }),
    'batch 2 x accumulation 8 = 16 images a step; 20000 steps, warm-up 1500; 10582 images to train on, 1449 to evaluate on',
  );
});

test('evaluates and saves at the intervals; the last evaluation is left to the caller, with the best so far', async () => {
  const { done, end, logged } = await run('whole', {});
  assert.equal(done, ['evaluate 4', 'best 4 4', 'save 6 4', 'evaluate 8', 'best 8 8', 'save 12 8']);
  assert.equal(end, { step: 12, reason: 'finished', best: 8 });
  assert.equal(logged, [4, 8]);
});

test('an evaluation that is due where --stop-at ends the run is done, and not again afterwards', async () => {
  const stopped = await run('stopped', { stopAt: 4 });
  assert.equal(stopped.done, ['save 4 null', 'evaluate 4', 'best 4 4', 'save 4 4']);
  assert.equal(stopped.end, { step: 4, reason: 'stopped', best: 4 });
  const resumed = await run('stopped', { from: 4, best: 4, stopAt: 5 });
  assert.equal(resumed.done, ['save 5 4']);
});

test('an evaluation that an interruption left out is made up for first, and its score kept', async () => {
  const cut = await run('cut', { cutAt: 4 });
  assert.equal(cut.done, ['save 4 null']);
  assert.equal(cut.end, { step: 4, reason: 'interrupted', best: null });
  const resumed = await run('cut', { from: 4, stopAt: 5 });
  assert.equal(resumed.done, ['evaluate 4', 'best 4 4', 'save 4 4', 'save 5 4']);
  assert.equal(resumed.logged, [4]);
});

test('the checkpoint of a step is there before its evaluation begins, and an evaluation that dies is made up for', async () => {
  const done: string[] = [];
  const dies = (step: number): EvalReport => {
    throw new Error(`killed in the evaluation of step ${step}`);
  };
  await rejectionOf(Error, () => run('killed', { stopAt: 4, found: dies, into: done }));
  assert.equal(done, ['save 4 null', 'evaluate 4']);
  const resumed = await run('killed', { from: 4, stopAt: 5 });
  assert.equal(resumed.done, ['evaluate 4', 'best 4 4', 'save 4 4', 'save 5 4']);
});

test('data that fail lose no step: those done before are reported and saved first, once', async () => {
  const done: string[] = [];
  const error = await rejectionOf(DataError, () => run('broken', { brokenAt: 5, into: done }));
  assert.is(error.file, 'mask.png');
  assert.equal(done, ['evaluate 4', 'best 4 4', 'save 5 4', 'failed 5']);
  assert.match(readFileSync(join(folder, 'broken.jsonl'), 'utf8'), '"step":5,"loss"');
  const again: string[] = [];
  await rejectionOf(DataError, () => run('broken', { from: 5, brokenAt: 5, into: again }));
  await rejectionOf(DataError, () => run('broken', { from: 5, brokenAt: 6, into: again }));
  assert.equal(again, ['failed 5', 'save 6 null', 'failed 6']);
});

test('data that fail in an evaluation lose no step either', async () => {
  const done: string[] = [];
  const broken = (): EvalReport => {
    throw new DataError('mask.png', 'is broken');
  };
  await rejectionOf(DataError, () => run('validation', { found: broken, into: done }));
  assert.equal(done, ['evaluate 4', 'save 4 null', 'failed 4']);
});

test('a run goes on with the batches of its step, and a bad step is explained with its own', async () => {
  const starts: number[] = [];
  const asked = { from: 4, accumulation: 3, starts, badStep: 5 };
  const error = await rejectionOf(NonFiniteError, () => run('bad', asked));
  assert.equal(starts, [12, 15]);
  assert.is(error.message, 'step 5, 3 batches');
});

test('a score that is no better leaves the checkpoint as it is', async () => {
  const stopped = await run('worse', { from: 2, stopAt: 4, best: 50 });
  assert.equal(stopped.done, ['save 4 50', 'evaluate 4']);
  assert.equal(stopped.logged, [4]);
});

test('an interruption at the last step counts', async () => {
  const cut = await run('late', { from: 10, cutAt: 12 });
  assert.equal(cut.done, ['save 12 null']);
  assert.equal(cut.end, { step: 12, reason: 'interrupted', best: null });
});

test('a run does not go back to an earlier step', async () => {
  const error = await rejectionOf(ConfigError, () => run('back', { from: 8, stopAt: 5 }));
  assert.is(error.message, 'train.stopAt: 5, but the run has done 8 steps');
});

test('the best is by hIoU, by the mean where that is undefined; of equals the later', async () => {
  const falling = await run('falling', { found: (step) => reportOf(10 - step) });
  assert.equal([falling.end.best, falling.done.filter((line) => line.startsWith('best'))], [6, ['best 4 6']]);
  const seenOnly = await run('seen', { found: (step) => reportOf(null, 20 + step) });
  assert.is(seenOnly.end.best, 28);
  const nothing = await run('nothing', { found: () => reportOf(null) });
  assert.equal(
    nothing.done.filter((line) => line.startsWith('best')),
    ['best 4 0', 'best 8 0'],
  );
  assert.ok(improves(0, null));
});

test.run();
