import type { Engine } from '../engine/engine.ts';
import type { Tensor } from '../engine/tensor.ts';

/** What a step logged. */
export interface StepRow {
  step: number;
  /** (4) */
  values: Float32Array;
}

/** Buffers of a run that every step writes: random state, and what the host fetches now and then. */
export class StepState {
  /** (4), u32: seed low, seed high, step, 0. */
  readonly random: Tensor;
  /** (rows, 4): what the last steps logged. */
  readonly ring: Tensor;
  /** (2), u32: bad steps, first bad step. */
  readonly health: Tensor;
  private readonly rows: number;
  private done: number;

  /**
   * @param rows steps that are remembered.
   * @param from the step that comes first.
   */
  constructor(engine: Engine, rows: number, from: number) {
    this.rows = rows;
    this.done = from;
    this.random = engine.zeros([4], 'u32');
    this.ring = engine.zeros([rows, 4]);
    this.health = engine.zeros([2], 'u32');
  }

  /**
   * Waits for the submitted steps and reads what those from the last call up to `done` logged, as far as remembered.
   * @returns the first bad step instead, where there was one: no parameter was changed from it on.
   */
  async read(done: number): Promise<StepRow[] | { bad: number }> {
    const ring = (await this.ring.read()) as Float32Array;
    const health = await this.health.read();
    if (health[0] > 0) return { bad: health[1] };
    const first = Math.max(this.done, done - this.rows);
    this.done = done;
    return Array.from({ length: done - first }, (_, i) => {
      const step = first + i;
      const at = 4 * (step % this.rows);
      return { step, values: ring.subarray(at, at + 4) };
    });
  }

  dispose(): void {
    for (const tensor of [this.random, this.ring, this.health]) tensor.dispose();
  }
}
