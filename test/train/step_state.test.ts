import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { logStep } from '../../engine/ops/index.ts';
import { StepState } from '../../train/step_state.ts';
import { openEngine } from '../support/device.ts';

const test = suite('state of the steps');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

/** Logs steps whose total is ten times their number; that of step `bad` is not finite. */
function log({ random, ring, health }: StepState, from: number, to: number, bad?: number): void {
  for (let step = from; step < to; step++) {
    random.write(Uint32Array.of(1, 0, step, 0));
    engine.scope(() => {
      const total = step === bad ? Number.NaN : 10 * step;
      logStep({ loss: engine.tensor([1, 2, total, 4], [4]), state: random, ring, health });
    });
  }
}

async function totals(state: StepState, done: number): Promise<unknown> {
  const rows = await state.read(done);
  return 'bad' in rows ? rows : rows.map(({ step, values }) => [step, values[2]]);
}

test('what was logged since the last read comes in order, at most as many steps as are remembered', async () => {
  const state = new StepState(engine, 3, 5);
  log(state, 5, 7);
  assert.equal(await totals(state, 7), [
    [5, 50],
    [6, 60],
  ]);
  log(state, 7, 12);
  assert.equal(await totals(state, 12), [
    [9, 90],
    [10, 100],
    [11, 110],
  ]);
  log(state, 12, 15);
  assert.equal(await totals(state, 15), [
    [12, 120],
    [13, 130],
    [14, 140],
  ]);
  state.dispose();
});

test('the first bad step is told, however many follow', async () => {
  const state = new StepState(engine, 2, 0);
  log(state, 0, 6, 3);
  assert.equal(await totals(state, 6), { bad: 3 });
  state.dispose();
});

test.run();
