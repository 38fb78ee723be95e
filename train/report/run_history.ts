import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { DataError } from '../../engine/errors.ts';
import { systemCause } from '../../engine/host/atomic_file.ts';

const lossRecord = z.object({
  step: z.number(),
  loss: z.number(),
  focal: z.number(),
  dice: z.number(),
  lr: z.number(),
});
const share = z.number().nullable();
const evaluationRecord = z.object({
  step: z.number(),
  eval: z.object({ hiou: share, seen: share, unseen: share }),
});
const record = z.union([evaluationRecord, lossRecord]);

/** What `log.jsonl` tells of a run, by step. */
export interface RunHistory {
  losses: z.infer<typeof lossRecord>[];
  evaluations: z.infer<typeof evaluationRecord>[];
}

/**
 * Reads a run's log. A last line without its end, which a crash leaves, does not count.
 * @throws DataError where the file is missing or a line is no record of a run.
 */
export function readRunHistory(file: string): RunHistory {
  const history: RunHistory = { losses: [], evaluations: [] };
  for (const [index, line] of linesOf(file).entries()) {
    const parsed = record.safeParse(jsonOf(line));
    if (!parsed.success) {
      throw new DataError(
        file,
        `line ${index + 1} is no record of a run: ${line.slice(0, 80)}`,
        'Remove this line; nothing else depends on it.',
      );
    }
    if ('eval' in parsed.data) history.evaluations.push(parsed.data);
    else history.losses.push(parsed.data);
  }
  return history;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    throw new DataError(file, `cannot be read: ${systemCause(error)}`, 'Give the folder of a run.');
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
