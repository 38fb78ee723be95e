import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError } from '../engine/errors.ts';
import { systemCause, writeFileAtomic } from '../engine/host/atomic_file.ts';
import { writeJson } from '../engine/host/json_file.ts';
import type { EvalReport } from './evaluation/metrics.ts';
import { makeFolders } from './io/make_folders.ts';

/** The file that tells which process trains in the folder, see `RunLock`. */
export const LOCK_NAME = 'lock';

/** The files of one run; a pre-training has those that it needs. */
export interface RunFolder {
  root: string;
  /** The resolved configuration. */
  config: string;
  /** A JSON object a line: training steps and evaluations. */
  log: string;
  /** The last evaluation. */
  evaluation: string;
  checkpoints: string;
  /** What `--profile` found: tables for people and for programs, and a trace for Perfetto. */
  profile: { text: string; json: string; trace: string };
  /** Pictures: image | truth | prediction. */
  overlays: string;
}

/** The paths of a run's files; touches nothing. */
export function runFolder(root: string): RunFolder {
  return {
    root,
    config: join(root, 'config.json'),
    log: join(root, 'log.jsonl'),
    evaluation: join(root, 'eval.json'),
    checkpoints: join(root, 'checkpoints'),
    profile: {
      text: join(root, 'profile.txt'),
      json: join(root, 'profile.json'),
      trace: join(root, 'profile_trace.json'),
    },
    overlays: join(root, 'overlays'),
  };
}

/** @throws ConfigError where the folder of a new run holds anything already. */
export function requireNewFolder(root: string): void {
  if (existsSync(runFolder(root).config)) {
    throw new ConfigError(
      `--work-dir ${root}: there is a run in it already`,
      'Continue it with --resume, or choose another --work-dir',
    );
  }
  const names = existsSync(root) ? attempt(root, () => readdirSync(root)) : [];
  // whoever makes a run locks its folder first
  const strangers = names.filter((name) => name !== LOCK_NAME);
  if (strangers.length > 0) {
    throw new ConfigError(
      `--work-dir ${root}: holds other files (${strangers.slice(0, 3).join(', ')}) and no run`,
      'Choose an empty or a new folder',
    );
  }
}

/** Makes the empty folder of a new run, to be locked. @throws as {@link createRunFolder} does. */
export function makeNewFolder(root: string): void {
  requireNewFolder(root);
  attempt(root, () => makeFolders(root));
}

/**
 * Makes the folder of a new run and saves its configuration.
 * @param config the text of `config.json`.
 * @throws ConfigError where the folder holds anything already, DataError where it cannot be made.
 */
export async function createRunFolder(root: string, config: string): Promise<RunFolder> {
  requireNewFolder(root);
  return writeConfig(runFolder(root), config);
}

/**
 * Opens the folder of a run to continue it, and saves the configuration it continues with.
 * @param config the text of `config.json`.
 * @throws ConfigError where there is no run in it.
 */
export async function openRunFolder(root: string, config: string): Promise<RunFolder> {
  const folder = runFolder(root);
  if (!existsSync(folder.config)) {
    throw new ConfigError(`--resume: ${root} holds no run (no config.json)`, 'Check --work-dir');
  }
  return writeConfig(folder, config);
}

async function writeConfig(folder: RunFolder, config: string): Promise<RunFolder> {
  attempt(folder.checkpoints, () => makeFolders(folder.checkpoints));
  await writeFileAtomic(folder.config, config);
  return folder;
}

/** Writes `eval.json`. */
export function saveEvaluation(file: string, step: number | null, report: EvalReport): Promise<void> {
  return writeJson(file, { step, ...report });
}

/** Appends to `log.jsonl`. */
export interface RunLog {
  write(record: { step: number } & Record<string, unknown>): void;
  /** Appends an evaluation; one of the same step that is there already goes. */
  writeEvaluation(step: number, scores: Pick<EvalReport, 'hiou' | 'seen' | 'unseen'>): Promise<void>;
  /** Whether an evaluation of this step is there. */
  hasEvaluation(step: number): boolean;
}

/**
 * Opens a log. Lines from the first on that lies beyond `keepUpTo`, the step a run continues from, or that was
 * cut short by a crash, are removed; a new run keeps none.
 */
export async function openRunLog(file: string, keepUpTo = -1): Promise<RunLog> {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const end = lines.findIndex((line) => !(Number(recordOf(line).step) <= keepUpTo));
  const kept = end < 0 ? lines : lines.slice(0, end);
  await writeFileAtomic(file, kept.map((line) => `${line}\n`).join(''));
  const linesNow = (): string[] => attempt(file, () => readFileSync(file, 'utf8').split('\n').slice(0, -1));
  const isEvaluationOf = (step: number) => (line: string) => {
    const record = recordOf(line);
    return record.step === step && record.eval !== undefined;
  };
  return {
    write(record) {
      attempt(file, () => appendFileSync(file, `${JSON.stringify(record)}\n`));
    },
    async writeEvaluation(step, { hiou, seen, unseen }) {
      const isSame = isEvaluationOf(step);
      const others = linesNow().filter((line) => !isSame(line));
      const line = JSON.stringify({ step, eval: { hiou, seen, unseen } });
      await writeFileAtomic(file, [...others, line].map((text) => `${text}\n`).join(''));
    },
    hasEvaluation: (step) => linesNow().some(isEvaluationOf(step)),
  };
}

/** The record of a log line; empty for anything that is not a whole one. */
function recordOf(line: string): { step?: unknown; eval?: unknown } {
  try {
    return (JSON.parse(line) ?? {}) as { step?: unknown };
  } catch {
    return {};
  }
}

/** Does something with a file or folder of a run. @throws DataError that names it and the system's reason. */
export function attempt<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw new DataError(path, `cannot be used: ${systemCause(error)}`, 'Check --work-dir');
  }
}
