import type { Engine } from '../../engine/engine.ts';
import { valueAndGrad } from '../../engine/grad.ts';
import {
  attention,
  l2norm,
  layernorm,
  linear,
  multiply,
  patchUnfold,
  quickGelu,
  relationship,
  reshape,
  resize,
  softmax,
  sumAll,
  transposeLast,
  upsampledMaskLoss,
} from '../../engine/ops/index.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { clipBlock } from '../../model/block.ts';
import { decoder } from '../../model/decoder.ts';
import { noDropout } from '../../model/dropout.ts';
import type { Weights } from '../../model/store.ts';
import type { Comparisons } from './compare.ts';
import { below, type Fixture, values } from './fixture.ts';
import { checkHostRule } from './host_rules.ts';

/** The sidecar's entry of one operation. */
export interface OpEntry {
  inputs?: Record<string, number[]>;
  y?: number[];
  op?: string;
  eps?: number;
  causal?: boolean;
  size?: [number, number];
  heads?: number;
  num_masks?: number;
  loss?: number[];
}

type Inputs = (name: string) => Tensor;
/** Builds an operation's output from its inputs. */
type Build = (input: Inputs, entry: OpEntry, engine: Engine) => Tensor;

/** Operations by how the sidecar describes them. */
const builders: [RegExp, Build][] = [
  [/^layer_norm/, (i, e) => layernorm({ x: i('x'), gamma: i('weight'), beta: i('bias'), eps: e.eps! })],
  [/^x\*sigmoid\(1\.702x\)/, (i) => quickGelu({ x: i('x') })],
  [/^softmax\(q k\^T/, attentionByHeads],
  [/^bilinear/, (i, e) => resize({ x: i('x'), height: e.size![0], width: e.size![1] })],
  [/^x\/\|\|x\|\|/, (i) => l2norm({ x: i('x') })],
  [/^x W\^T \+ b/, (i) => linear({ x: i('x'), weight: i('weight'), bias: i('bias') })],
  [/^softmax last axis/, (i) => softmax({ x: i('x') })],
  [/^conv stride/, patchEmbed],
  [
    /^residual attention block/,
    (i, e) => clipBlock(i('x'), named(i), Number(/(\d+) heads/.exec(e.op!)![1]), /causal/.test(e.op!)),
  ],
  [/decoder, returns head-mean/, decoderScores],
  [/^concat\(text\*global, text\)/, (i) => relationship({ text: i('text'), global: i('glob') })],
];

/** Checks every entry of a micro-operations fixture; an entry of unknown kind is a failure, not a skip. */
export async function checkMicroOps(engine: Engine, fixture: Fixture, result: Comparisons): Promise<void> {
  const entries = fixture.json as unknown as Record<string, OpEntry>;
  for (const [name, entry] of Object.entries(entries)) {
    if (entry.inputs && entry.y) await checkOp(engine, fixture, name, entry, result);
    else if (name.startsWith('loss')) await checkLoss(engine, fixture, name, entry, result);
    else await checkHostRule(engine, fixture, name, entry, result);
  }
  for (const name of below(fixture, 'label_map/').keys())
    await checkHostRule(engine, fixture, `label_map/${name}`, {}, result);
}

async function checkOp(
  engine: Engine,
  fixture: Fixture,
  name: string,
  entry: OpEntry,
  result: Comparisons,
): Promise<void> {
  const build = builders.find(([pattern]) => pattern.test(entry.op ?? ''))?.[1];
  if (!build) throw new Error(`${fixture.name}: operation ${name} is of an unknown kind: ${entry.op}`);
  const inputs = new Map(
    Object.entries(entry.inputs!).map(([key, shape]) => {
      const data = values(fixture, `${name}/${key}`) as Float32Array<ArrayBuffer>;
      return [key, engine.parameter(key, data, shape, true)] as const;
    }),
  );
  const weight = engine.tensor(values(fixture, `${name}/dy`), entry.y!);
  const { aux, grads } = valueAndGrad(engine, [...inputs.values()], () => {
    const y = build((key) => inputs.get(key)!, entry, engine);
    return [sumAll({ x: multiply({ a: y, b: weight }) }), y] as const;
  });
  result.close(`${kindOf(name)} forward`, `${name}/y`, await aux.read(), values(fixture, `${name}/y`), 2e-5);
  for (const [key, parameter] of inputs) {
    const truth = `${name}/d_${key}`;
    if (!fixture.tensors.has(truth)) continue;
    const expected = values(fixture, truth) as Float32Array<ArrayBuffer>;
    const found = (await grads.get(parameter)?.read()) ?? [];
    if (isNull(name, key)) continue;
    result.close(`${kindOf(name)} gradients`, truth, found, expected, 1e-4);
  }
  for (const tensor of [weight, aux, ...grads.values(), ...inputs.values()]) tensor.dispose();
}

/** A key bias shifts all scores of a query alike: softmax does not see it, its gradient is rounding noise. */
function isNull(name: string, key: string): boolean {
  return name.startsWith('decoder') && /layers__[01]__multihead_attn__k__bias/.test(key);
}

function kindOf(name: string): string {
  return name.split(/_|\d/)[0];
}

/** (B, H, N, Dh) there, (B, N, H * Dh) here. */
function attentionByHeads(input: Inputs, entry: OpEntry): Tensor {
  const [batch, heads, , width] = entry.inputs!.q;
  const merge = (x: Tensor): Tensor => swapHeads(x, batch, heads, x.shape[2], width);
  const merged = attention({
    q: merge(input('q')),
    k: merge(input('k')),
    v: merge(input('v')),
    heads,
    causal: entry.causal,
  });
  const queries = entry.inputs!.q[2];
  return reshape({
    x: swapHeads(merged, batch, queries, heads, width),
    shape: [batch, heads, queries, width],
  });
}

/** (B, rows, cols, width) to (B, cols, rows * width), by two transposes of the last axes. */
function swapHeads(x: Tensor, batch: number, rows: number, cols: number, width: number): Tensor {
  const flat = transposeLast({ x: reshape({ x, shape: [batch, rows, cols * width] }) });
  const columns = transposeLast({ x: reshape({ x: flat, shape: [batch * cols, width, rows] }) });
  return reshape({ x: columns, shape: [batch, cols, rows * width] });
}

function patchEmbed(input: Inputs, entry: OpEntry): Tensor {
  const [out, channels, patch] = entry.inputs!.weight;
  const weight = reshape({ x: input('weight'), shape: [out, channels * patch * patch] });
  const tokens = linear({ x: patchUnfold({ image: input('x'), patch }), weight });
  return reshape({ x: transposeLast({ x: tokens }), shape: entry.y! });
}

function decoderScores(input: Inputs, entry: OpEntry, engine: Engine): Tensor {
  const names = Object.keys(entry.inputs!);
  const layers = 1 + Math.max(...names.map((name) => Number(/layers__(\d+)__/.exec(name)?.[1] ?? 0)));
  const config = { layers, heads: entry.heads!, hiddenMultiple: 4, dropout: 0 };
  return decoder(engine, input('query'), input('memory'), named(input), config, noDropout);
}

/** Weights whose keys have '__' where checkpoints have '.'. */
function named(input: Inputs, prefix = ''): Weights {
  return {
    get: (name) => input(`${prefix}${name}`.replaceAll('.', '__')),
    under: (more) => named(input, `${prefix}${more}.`),
  };
}

/** Focal and dice, alone and together, with their gradients. */
async function checkLoss(
  engine: Engine,
  fixture: Fixture,
  name: string,
  entry: OpEntry,
  result: Comparisons,
): Promise<void> {
  const [images, classes, height, width] = fixture.tensors.get(`${name}/logits`)!.shape;
  const data = values(fixture, `${name}/logits`) as Float32Array<ArrayBuffer>;
  const masks = engine.parameter('masks', data, [images, classes, height, width], true);
  const labels = engine.tensor(Uint32Array.from(values(fixture, `${name}/labels`)), [images, height, width]);
  const truth = entry.loss!;
  for (const [part, focalWeight, diceWeight] of [
    ['focal', 100, 0],
    ['dice', 0, 1],
    ['total', 100, 1],
  ] as const) {
    const { aux, grads } = valueAndGrad(engine, [masks], () => {
      const [total, parts] = upsampledMaskLoss({
        masks,
        labels,
        alpha: 0.25,
        gamma: 2,
        focalWeight,
        diceWeight,
        normalise: true,
      });
      return [total, parts] as const;
    });
    const found = await aux.read();
    if (part === 'total') {
      result.close('loss forward', `${name}/loss`, found.slice(0, 3), truth, 2e-5);
      result.same('loss forward', `${name}/num_masks`, [Math.max(1, found[3])], [entry.num_masks!]);
    }
    const gradient = (await grads.get(masks)?.read()) ?? [];
    result.close('loss gradients', `${name}/d_${part}`, gradient, values(fixture, `${name}/d_${part}`), 1e-4);
    for (const tensor of [aux, ...grads.values()]) tensor.dispose();
  }
  for (const tensor of [masks, labels]) tensor.dispose();
}
