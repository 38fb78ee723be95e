import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { Random } from '../../../engine/random.ts';
import type { ModelConfig } from '../../../model/config.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import { ParameterStore } from '../../../model/store.ts';
import type { RunConfig, TrainingMode } from '../../../train/config/config.ts';
import { embeddedPreset } from '../../../train/config/presets.ts';
import { datasetInfo } from '../../../train/data/datasets/info.ts';
import type { EvalLoader, EvalSample } from '../../../train/data/loader.ts';
import { evaluate, type Shown } from '../../../train/evaluation/evaluate.ts';
import type { ConfusionMatrix, EvalReport, ScoreReport } from '../../../train/evaluation/metrics.ts';
import { openEngine } from '../../support/device.ts';

/** What an evaluation makes of images: predictions, counts, and which classes are unseen. */
const test = suite('evaluation');
const info = datasetInfo('voc20');
const classes = info.classes.length;
const [HEIGHT, WIDTH] = [20, 28];
const model: ModelConfig = {
  vision: { patch: 4, width: 24, layers: 2, heads: 2, embedDim: 12, resolution: 16 },
  prompts: { count: 2, deep: 1, dropout: 0 },
  stages: [[0], [1]],
  aggregation: 'gaussian',
  sharedQueries: false,
  decoder: { layers: 2, heads: 2, hiddenMultiple: 2, dropout: 0 },
  logitBias: null,
  headStd: null,
};

const random = new Random(4);
/** Mask values 0 (background), 1..20 and 255. */
const samples = ['a', 'b'].map((name): EvalSample => {
  const pixels = HEIGHT * WIDTH;
  return {
    name,
    height: HEIGHT,
    width: WIDTH,
    originalHeight: HEIGHT,
    originalWidth: WIDTH,
    image: Float32Array.from({ length: 3 * pixels }, () => random.normal()),
    truth: Uint8Array.from({ length: pixels }, (_, i) => (i % 22 === 21 ? 255 : i % 22)),
    rgb: new Uint8Array(3 * pixels),
  };
});
const loader: EvalLoader = {
  length: samples.length,
  async *samples() {
    yield* samples;
  },
  close: async () => {},
};

let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

interface Found {
  report: EvalReport;
  counts: ConfusionMatrix;
  backgroundCounts: ConfusionMatrix | null;
  shown: Shown[];
}

async function evaluated(mode: TrainingMode, change: Partial<RunConfig['eval']>): Promise<Found> {
  const draw = new Random(8);
  const text = Float32Array.from({ length: classes * 12 }, () => draw.normal());
  const settings = { ...embeddedPreset().eval, crop: 16, stride: 12, ...change };
  const shown: Shown[] = [];
  let counted: [ConfusionMatrix, ConfusionMatrix | null] | undefined;
  const report = await evaluate(
    {
      engine,
      weights: new ParameterStore(engine, parameterSpecs(model), new Map(), 7),
      model,
      text: engine.tensor(text, [classes, 12]),
      info,
      settings,
      mode,
      loader,
    },
    {
      pictures: 2,
      show: async (one) => void shown.push(one),
      counted: (...both) => {
        counted = both;
      },
    },
  );
  return { report, counts: counted![0], backgroundCounts: counted![1], shown };
}

const predicted = ({ shown }: Found): number[] => shown.flatMap(({ prediction }) => [...prediction]);

test('a penalty on seen classes is for inductive inference only', async () => {
  const free = await evaluated('inductive', { seenPenalty: 0 });
  assert.ok(
    predicted(free).some((id) => info.seen.includes(id)),
    'seen classes are predicted without',
  );
  const penalised = await evaluated('inductive', { seenPenalty: 2 });
  assert.ok(predicted(penalised).every((id) => info.novel.includes(id)));
  for (const mode of ['transductive', 'supervised'] as const) {
    assert.equal(predicted(await evaluated(mode, { seenPenalty: 2 })), predicted(free), mode);
  }
});

/** Means of the classes that a report calls unseen, and of the others, percent with four decimals. */
function meansOf({ classes }: ScoreReport): { seen: number; unseen: number } {
  const mean = (wanted: boolean): number => {
    const ious = classes.flatMap(({ unseen, iou }) => (unseen === wanted && iou !== null ? iou : []));
    return ious.reduce((sum, iou) => sum + iou, 0) / ious.length;
  };
  return { seen: mean(false), unseen: mean(true) };
}
const unseenNames = ({ classes }: ScoreReport): string[] =>
  classes.filter(({ unseen }) => unseen).map(({ name }) => name);

test('the unseen classes are those of the data, with background as without, and their mean is the score', async () => {
  const { report } = await evaluated('inductive', { seenPenalty: 0.05, backgroundThreshold: 0.5 });
  const wanted = info.novel.map((id) => info.classes[id]);
  for (const part of [report, report.withBackground!]) {
    assert.equal(unseenNames(part), wanted);
    const { seen, unseen } = meansOf(part);
    assert.ok(unseen > 0 && Math.abs(unseen - seen) > 0.01, `${seen} and ${unseen} tell the two apart`);
    assert.ok(Math.abs(part.seen! - seen) < 1e-3 && Math.abs(part.unseen! - unseen) < 1e-3);
  }
  assert.equal(
    report.withBackground!.classes.map(({ name }) => name),
    ['background', ...info.classes],
  );
});

/** Counts of (true, predicted) ids below `size`, on the host. */
function countsOf(size: number, pairs: readonly [truth: number, prediction: number][]): number[] {
  const counts = new Array<number>(size * size).fill(0);
  for (const [truth, prediction] of pairs) if (truth !== 255) counts[truth * size + prediction]! += 1;
  return counts;
}

test('pixels count by class; background is left out, or a class of its own before the others', async () => {
  const found = await evaluated('supervised', { backgroundThreshold: 0.5 });
  const { shown, counts, backgroundCounts } = found;
  const masks = samples.map(({ truth }) => [...truth]);
  const id = (value: number): number => (value === 0 || value === 255 ? 255 : value - 1);
  assert.equal(
    shown.map(({ truth }) => [...truth]),
    masks.map((mask) => mask.map(id)),
  );
  const plain = shown.flatMap(({ prediction }, k) =>
    masks[k]!.map((value, i): [number, number] => [id(value), prediction[i]!]),
  );
  assert.equal([...counts.counts], countsOf(classes, plain));
  const labels = shown.flatMap(({ withBackground }, k) =>
    masks[k]!.map((value, i): [number, number] => [value, (withBackground![i]! + 1) % 256]),
  );
  assert.ok(
    new Set(labels.map(([, label]) => label === 0)).size === 2,
    'background and classes are predicted',
  );
  assert.equal([...backgroundCounts!.counts], countsOf(classes + 1, labels));
});

test('without a threshold there is no background', async () => {
  const { report, backgroundCounts, shown } = await evaluated('supervised', { backgroundThreshold: null });
  assert.equal([report.withBackground, backgroundCounts, shown[0]!.withBackground], [null, null, null]);
});

test.run();
