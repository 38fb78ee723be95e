import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, problemWith } from '../engine/errors.ts';
import { writeFileAtomic } from '../engine/host/atomic_file.ts';
import { isKind } from '../engine/host/path_kind.ts';
import { readSafetensors } from '../model/weights/safetensors.ts';
import { attempt, type RunFolder } from './run_folder.ts';

const BEST = 'best.safetensors';
/** As many names as a message lists. */
const LISTED = 5;

/** The checkpoint after a step, such as `checkpoints/step-000380.safetensors`. */
export function checkpointFile(folder: RunFolder, step: number): string {
  return join(folder.checkpoints, checkpointName(step));
}

function checkpointName(step: number): string {
  return `step-${String(step).padStart(6, '0')}.safetensors`;
}

/** The step in the name of a checkpoint; null for any other name. */
function stepOf(name: string): number | null {
  const digits = /^step-(\d+)\.safetensors$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** The checkpoint with the best evaluation, the later one of equals. */
export function bestCheckpointFile(folder: RunFolder): string {
  return join(folder.checkpoints, BEST);
}

/** The names of all checkpoints of a run, the newest step first, the best one last. */
export function checkpointNames({ checkpoints }: RunFolder): string[] {
  if (!isKind(checkpoints, 'folder')) return [];
  const names = attempt(checkpoints, () => readdirSync(checkpoints));
  const steps = names.filter((name) => stepOf(name) !== null).sort((a, b) => stepOf(b)! - stepOf(a)!);
  return names.includes(BEST) ? [...steps, BEST] : steps;
}

/** What to evaluate or to start from of a run: its best checkpoint, else the newest; null where it has none. */
export function bestOrNewest(folder: RunFolder): string | null {
  const names = checkpointNames(folder);
  const name = names.includes(BEST) ? BEST : names[0];
  return name === undefined ? null : join(folder.checkpoints, name);
}

/** The file that names the newest complete checkpoint. */
function pointerFile(folder: RunFolder): string {
  return join(folder.checkpoints, 'latest');
}

/** Names the newest complete checkpoint; to be called when its file is written. */
export function markLatest(folder: RunFolder, step: number): Promise<void> {
  return writeFileAtomic(pointerFile(folder), `${checkpointName(step)}\n`);
}

/** The checkpoint that a run goes on from. */
export interface LatestCheckpoint {
  file: string;
  /** What the user is to know of the choice; null where `latest` names the file. */
  note: string | null;
}

/**
 * The newest complete checkpoint: the one that `latest` names, without `latest` the one of the last step; null where
 * there is none at all.
 * @throws DataError where `latest` is empty or names a file that is not there.
 */
export function latestCheckpoint(folder: RunFolder): LatestCheckpoint | null {
  const pointer = pointerFile(folder);
  const names = checkpointNames(folder);
  if (!existsSync(pointer)) {
    const [newest] = names;
    if (newest === undefined) return null;
    const other = newest !== BEST && names.includes(BEST) ? `; ${BEST} may be of a later step` : '';
    const note = `${pointer} is not there: taking ${newest}, the last by its name of ${names.length}${other}`;
    return { file: join(folder.checkpoints, newest), note };
  }
  const name = attempt(pointer, () => decoded(readFileSync(pointer))).trim();
  const hint =
    names.length === 0
      ? startAnew(folder)
      : `Write the name of one that is there into it, or remove it for the newest: ${listed(names)}`;
  if (name === '') throw new DataError(pointer, 'is empty, wanted the name of a checkpoint', hint);
  const file = join(folder.checkpoints, name);
  if (!isKind(file, 'file')) throw new DataError(pointer, `names ${file}, which is not there`, hint);
  return { file, note: null };
}

/**
 * Reads a checkpoint of a run. Where it is damaged, the error names the others that can be read and how to go on from
 * the newest of them.
 */
export async function readCheckpointOf<Content>(
  folder: RunFolder,
  file: string,
  read: (file: string) => Promise<Content>,
): Promise<Content> {
  try {
    return await read(file);
  } catch (error) {
    const told = problemWith(file, error);
    if (told === null) throw error;
    const [newest, ...more] = await soundOthers(folder, file);
    const rest = more.length === 0 ? '' : ` (also there: ${listed(more)})`;
    const advice =
      newest === undefined
        ? startAnew(folder)
        : `To go on from the newest other one, write its name, ${newest}, into ${pointerFile(folder)}${rest}`;
    throw new DataError(file, told.problem, [told.hint, advice].filter(Boolean).join('\n'));
  }
}

/** The checkpoints besides `file` whose headers fit their sizes: a file cut short does not count. */
async function soundOthers(folder: RunFolder, file: string): Promise<string[]> {
  const sound: string[] = [];
  for (const name of checkpointNames(folder)) {
    const other = join(folder.checkpoints, name);
    if (other === file) continue;
    const isSound = await readSafetensors(other, () => false).then(
      () => true,
      () => false,
    );
    if (isSound) sound.push(name);
  }
  return sound;
}

function startAnew({ checkpoints }: RunFolder): string {
  return `There is no other checkpoint in ${checkpoints}: start anew, in another --work-dir`;
}

function listed(names: readonly string[]): string {
  const rest = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `${names.slice(0, LISTED).join(', ')}${rest}`;
}

/** The text of a file that a user may have written: Windows' PowerShell writes UTF-16. */
function decoded(bytes: Buffer): string {
  return bytes.toString(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf16le' : 'utf8').replace(/^\uFEFF/, '');
}
