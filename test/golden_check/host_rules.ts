import type { Engine } from '../../engine/engine.ts';
import { mapLabels, trainingTable } from '../../train/data/labels.ts';
import { slidingWindows } from '../../train/evaluation/sliding_window.ts';
import { AdamW } from '../../train/optimizer.ts';
import { parameterSettings } from '../../train/parameter_groups.ts';
import { learningRate } from '../../train/schedule.ts';
import type { Comparisons } from './compare.ts';
import { type Fixture, values } from './fixture.ts';

/** The parameter-wise rule of the release. */
const releaseRules = {
  lr: 2e-5,
  weightDecay: 0.01,
  rules: [
    { key: 'text_encoder', lrMultiple: 0 },
    { key: 'backbone', lrMultiple: 10 },
    { key: 'head', lrMultiple: 10 },
    { key: 'norm', decayMultiple: 0 },
    { key: 'ln', decayMultiple: 0 },
  ],
};

interface ScheduleEntry {
  power: number;
  min_lr: number;
  warmup_iters: number;
  warmup_ratio: number;
  rows: { t: number; base: number; max_iters: number; lr: number }[];
}

interface AdamwEntry {
  lr: number[];
  weight_decay: number;
  betas: [number, number];
  eps: number;
}

/** Optimiser, schedule, parameter groups, windows and label maps. */
export async function checkHostRule(
  engine: Engine,
  fixture: Fixture,
  name: string,
  entry: unknown,
  result: Comparisons,
): Promise<void> {
  if (name === 'adamw') await checkAdamw(engine, fixture, entry as AdamwEntry, result);
  else if (name === 'lr_schedule') checkSchedule(entry as ScheduleEntry, result);
  else if (name === 'param_groups') checkGroups(entry as GroupRow[], result);
  else if (name === 'windows') checkWindows(entry as WindowRow[], result);
  else if (name.startsWith('label_map/')) checkLabelMap(fixture, name, result);
  else throw new Error(`${fixture.name}: entry ${name} is of an unknown kind`);
}

/** Five steps, each with a learning rate of its own. */
async function checkAdamw(
  engine: Engine,
  fixture: Fixture,
  entry: AdamwEntry,
  result: Comparisons,
): Promise<void> {
  const start = values(fixture, 'adamw/p0') as Float32Array<ArrayBuffer>;
  const grads = values(fixture, 'adamw/grads') as Float32Array<ArrayBuffer>;
  const truth = values(fixture, 'adamw/p');
  const count = start.length;
  const parameter = engine.parameter('p', start, [count], true);
  const health = engine.zeros([2], 'u32');
  const settings = { lr: 1, weightDecay: entry.weight_decay, rules: [], betas: entry.betas, eps: entry.eps };
  const optimizer = new AdamW(engine, [parameter], settings);
  for (const [step, lr] of entry.lr.entries()) {
    optimizer.begin(() => lr);
    const grad = engine.tensor(grads.slice(step * count, (step + 1) * count), [count]);
    optimizer.gather(new Map([[parameter, grad]]));
    optimizer.update(engine.one(), health);
    const expected = truth.slice(step * count, (step + 1) * count);
    result.close('adamw', `adamw/p after step ${step + 1}`, await parameter.read(), expected, 2e-6);
    grad.dispose();
  }
  const state = await optimizer.stateDict();
  for (const kind of ['m', 'v'] as const) {
    const found = state.get(`optimizer.${kind}.p`)!.data as Float32Array;
    result.close('adamw', `adamw/${kind}`, found, values(fixture, `adamw/${kind}`), 1e-4);
  }
  for (const tensor of [parameter, health]) tensor.dispose();
}

function checkSchedule(entry: ScheduleEntry, result: Comparisons): void {
  for (const { t, base, max_iters, lr } of entry.rows) {
    const found = learningRate(t, base, {
      maxIters: max_iters,
      warmupIters: entry.warmup_iters,
      warmupRatio: entry.warmup_ratio,
      power: entry.power,
      minLr: entry.min_lr,
    });
    result.close('schedule', `lr at ${t}/${max_iters}`, [found], [lr], 1e-12);
  }
}

interface GroupRow {
  name: string;
  lr: number;
  weight_decay: number;
}

function checkGroups(rows: GroupRow[], result: Comparisons): void {
  const found = parameterSettings(
    rows.map(({ name }) => name),
    releaseRules,
  );
  for (const { name, lr, weight_decay } of rows) {
    const setting = found.get(name)!;
    result.close('parameter groups', name, [setting.lr, setting.weightDecay], [lr, weight_decay], 1e-12);
  }
}

interface WindowRow {
  h: number;
  w: number;
  crop: number;
  stride: number;
  y1y2x1x2: number[][];
}

function checkWindows(rows: WindowRow[], result: Comparisons): void {
  for (const { h, w, crop, stride, y1y2x1x2 } of rows) {
    const found = slidingWindows(h, w, crop, stride).flatMap(({ y1, y2, x1, x2 }) => [y1, y2, x1, x2]);
    result.same('windows', `windows of ${h} x ${w}`, found, y1y2x1x2.flat());
  }
}

/** The name tells mode and seen classes: `label_map/inductive_seen_0_2_3_6`. */
function checkLabelMap(fixture: Fixture, name: string, result: Comparisons): void {
  const [, mode, ids] = /^label_map\/(\w+?)_seen_([\d_]+)$/.exec(name) ?? [];
  if (mode !== 'inductive' && mode !== 'transductive')
    throw new Error(`${fixture.name}: label map ${name} of unknown kind`);
  const table = trainingTable(mode, ids.split('_').map(Number));
  const raw = Uint8Array.from({ length: 256 }, (_, label) => label);
  result.same('label maps', name, mapLabels(raw, table, new Int32Array(256)), values(fixture, name));
}
