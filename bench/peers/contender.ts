import type { Arrays, Work } from './works.ts';

/** One implementation, alone in a process of its own. */
export interface Contender {
  /** Uploads the inputs and builds what computes the work. @throws CannotRun with the reason. */
  prepare(work: Work, inputs: Arrays): Promise<PreparedWork>;
}

/** A piece of work that is ready to be timed. */
export interface PreparedWork {
  /** Computes the work so many times, one after the other, and resolves when the last is done. */
  run(count: number): Promise<void>;
  /** Computes it once and reads the outputs, by the names and in the layout of `outputShapes`. */
  outputs(): Promise<Arrays>;
  release(): void | Promise<void>;
  /** What a reader of the figures should know. */
  note?: string;
}

/** Why a contender cannot do a piece of work; goes into its row of the table. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
}
