import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createEngine } from '../../engine/create.ts';
import { ensureAdapter } from '../../engine/doctor/ensure.ts';
import type { Engine } from '../../engine/engine.ts';
import { nodePlatform } from '../../engine/gpu/node.ts';
import { product } from '../../engine/shape.ts';
import { readMiniClip, writeMiniClip } from '../../model/weights/mini_clip.ts';
import type { StateDict } from '../../model/weights/tensor_file.ts';
import { formatConfig } from '../config/config.ts';
import { loadAtlas } from '../embedded/atlas.ts';
import { INTERRUPTED, watchInterrupt } from '../io/interrupt.ts';
import { formatDuration, type Progress, showProgress } from '../io/progress.ts';
import { isOptimizerTensor } from '../optimizer.ts';
import { checkpointFile, latestCheckpoint, readCheckpointOf } from '../run_checkpoints.ts';
import { createRunFolder, makeNewFolder, openRunFolder, openRunLog, type RunFolder } from '../run_folder.ts';
import { RunLock } from '../run_lock.ts';
import { captionBook, captionTemplates } from './captions.ts';
import { cardFile, type MiniClipCard, recordedSteps, sha256, writeCard } from './card.ts';
import { loadPretrainCheckpoint, type PretrainCheckpoint, savePretrainCheckpoint } from './checkpoint.ts';
import { accuracy, drawHeldOut } from './evaluate.ts';
import { keepLatest } from './folder.ts';
import { commandOf } from './recipe.ts';
import type { PretrainSettings } from './settings.ts';
import { closeStage, openStage, type PretrainContext, runStage, type StageRun } from './stage_run.ts';
import { type Stage, stagesOf } from './stages.ts';

/** A pre-training as it is asked for. */
export interface PretrainRequest {
  settings: PretrainSettings;
  workDir: string;
  /** Where the finished miniature goes; its card goes beside it. */
  out: string;
  resume: boolean;
}

/** Pre-trains a miniature CLIP and writes it with its card. @returns the exit code. */
export async function pretrain(request: PretrainRequest): Promise<number> {
  const adapter = request.settings.adapter ?? undefined;
  await ensureAdapter({ adapter });
  const engine = await createEngine(nodePlatform(), { adapter });
  const progress = showProgress(process.stdout);
  const interrupt = watchInterrupt(progress.note);
  try {
    return await pretrainOn(engine, request, progress, interrupt.asked);
  } finally {
    interrupt.close();
    await engine.close();
  }
}

/** {@link pretrain} on an engine that is open already. */
export async function pretrainOn(
  engine: Engine,
  request: PretrainRequest,
  progress: Progress,
  interrupted: () => boolean = () => false,
): Promise<number> {
  if (!request.resume) makeNewFolder(request.workDir);
  const lock = new RunLock(request.workDir);
  try {
    await lock.take();
    return await pretrainLocked(engine, request, progress, interrupted);
  } finally {
    lock.release();
  }
}

async function pretrainLocked(
  engine: Engine,
  { settings, workDir, out, resume }: PretrainRequest,
  progress: Progress,
  interrupted: () => boolean,
): Promise<number> {
  const started = performance.now();
  const folder = await (resume ? openRunFolder : createRunFolder)(workDir, formatConfig(settings));
  const checkpoint = resume ? await savedState(folder, progress.note) : null;
  const seconds = () => (checkpoint?.seconds ?? 0) + (performance.now() - started) / 1000;
  const atlas = loadAtlas();
  const book = captionBook(atlas);
  const context: PretrainContext = { engine, settings, atlas, book };
  progress.note(`adapter ${engine.gpu.device.name}; run folder ${folder.root}`);
  progress.note(`${book.concepts.length} concepts, ${book.vocabulary.size} tokens, context ${book.context}`);
  const log = await openRunLog(folder.log, checkpoint?.step ?? 0);
  const stages = stagesOf(settings);
  const total = stages.at(-1)!.to;
  let run = openAt(context, stages, checkpoint);
  for (;;) {
    const { stage, store, trainer } = run;
    const save = async (step: number): Promise<void> => {
      const state = { step, seconds: seconds() };
      await savePretrainCheckpoint(checkpointFile(folder, step), store, trainer.optimizer, state);
      await keepLatest(folder, step);
    };
    const done = await runStage(context, run, { progress, log, total, interrupted, save });
    progress.finish();
    if (done === total) break;
    if (done < stage.to || interrupted() || done === settings.train.stopAt) {
      const next = `npm run pretrain:clip -- --resume --work-dir ${workDir}`;
      progress.note(`Stopped after step ${done}; continue with: ${next}`);
      closeStage(run);
      return interrupted() ? INTERRUPTED : 0;
    }
    const model = await store.stateDict();
    closeStage(run);
    run = openStage(context, stages[stages.indexOf(stage) + 1], { model });
  }
  const card = await finish(context, run, { out, folder, seconds: seconds() });
  closeStage(run);
  const { image, patch } = card.accuracy;
  progress.note(
    `${out}: ${(100 * image).toFixed(1)}% of scenes and ${(100 * patch).toFixed(1)}% of patches right, trained in ${formatDuration(card.trainingSeconds)}; card in ${cardFile(out)}`,
  );
  return 0;
}

/** The state that a pre-training goes on from; null where it saved none yet. */
async function savedState(
  folder: RunFolder,
  note: (line: string) => void,
): Promise<PretrainCheckpoint | null> {
  const saved = latestCheckpoint(folder);
  const line = saved
    ? saved.note
    : `no checkpoint in ${folder.checkpoints} yet: the pre-training begins at its first step`;
  if (line !== null) note(line);
  return saved && readCheckpointOf(folder, saved.file, loadPretrainCheckpoint);
}

/** The stage to go on with: the first, one that a checkpoint lies within, or one that begins where another ended. */
function openAt(
  context: PretrainContext,
  stages: readonly Stage[],
  checkpoint: PretrainCheckpoint | null,
): StageRun {
  if (!checkpoint) return openStage(context, stages[0], null);
  const { step, tensors } = checkpoint;
  const stage = stages.find(({ to }) => step < to) ?? stages.at(-1)!;
  if (step > stage.from) return openStage(context, stage, { checkpoint });
  const model: StateDict = new Map([...tensors].filter(([name]) => !isOptimizerTensor(name)));
  return openStage(context, stage, { model });
}

/** Writes the miniature, reads it again, and describes what is in the file. */
async function finish(
  { engine, settings, atlas, book }: PretrainContext,
  { stage, config, store }: StageRun,
  { out, folder, seconds }: { out: string; folder: RunFolder; seconds: number },
): Promise<MiniClipCard> {
  const { batch, evalScenes } = settings.train;
  const heldOut = drawHeldOut(atlas, book, { size: stage.size, crowd: stage.crowd, count: evalScenes });
  const found = await accuracy(engine, store, config, { atlas, book }, heldOut, batch);
  const origin = {
    command: commandOf(settings),
    seed: `${settings.seed}`,
    adapter: engine.gpu.device.name,
    date: new Date().toISOString().slice(0, 10),
    atlas_sha256: sha256(atlas.sources),
    accuracy: JSON.stringify(found),
  };
  await writeMiniClip(out, await store.stateDict(), config, book.vocabulary, captionTemplates, origin);
  await readMiniClip(out);
  const count = (prefix: string): number =>
    store.specs
      .filter(({ name }) => name.startsWith(prefix))
      .reduce((sum, { shape }) => sum + product(shape), 0);
  const card: MiniClipCard = {
    file: basename(out),
    sha256: { weights: sha256([readFileSync(out)]), atlas: origin.atlas_sha256 },
    command: origin.command,
    seed: settings.seed,
    adapter: origin.adapter,
    date: origin.date,
    parameters: { image: count('backbone.'), text: count('text_encoder.') },
    images: stagesOf(settings).at(-1)!.to * batch,
    trainingSeconds: Math.round(seconds),
    accuracy: { scenes: evalScenes, ...found },
    settings,
    firstLosses: firstLosses(folder.log),
  };
  await writeCard(cardFile(out), card);
  return card;
}

/** The losses of the first steps, from the log. */
function firstLosses(log: string): number[] {
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const losses = lines.flatMap((line) => (JSON.parse(line) as { losses?: number[] }).losses ?? []);
  return losses.slice(0, recordedSteps);
}
