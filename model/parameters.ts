import type { Random } from '../engine/random.ts';
import { product } from '../engine/shape.ts';
import type { ModelConfig, VisionConfig } from './config.ts';

/** How a parameter starts when no checkpoint gives it. */
export type Start =
  | { kind: 'constant'; value: number }
  | { kind: 'normal'; std: number }
  | { kind: 'uniform'; bound: number }
  | { kind: 'values'; values: readonly number[] };

export interface ParameterSpec {
  /** The key in published checkpoints. */
  name: string;
  shape: readonly number[];
  trainable: boolean;
  /**
   * Never part of the computation: carried in checkpoints for interchange, without gradient or decay. These are
   * the decoder tails and the self-attention that the release builds and does not call.
   */
  inert: boolean;
  start: Start;
  /** Parameters with the same key start identical: the release deep-copies the layers of a decoder. */
  twin?: string;
}

export const ones: Start = { kind: 'constant', value: 1 };
export const zeros: Start = { kind: 'constant', value: 0 };
export const normal = (std: number): Start => ({ kind: 'normal', std });
const given = (values: readonly number[]): Start => ({ kind: 'values', values });
const uniform = (bound: number): Start => ({ kind: 'uniform', bound });

/** Every parameter of the image tower and the head, in checkpoint order. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  return [
    ...imageTowerSpecs(config.vision, false),
    ...tapSpecs(config),
    ...promptSpecs(config),
    ...headSpecs(config),
  ];
}

/** Taps before the last block, each with a projection of its own. */
export function intermediateTaps(config: ModelConfig): number[] {
  return config.stages.flat().slice(0, -1);
}

/** The attention and MLP weights of one CLIP block. CLIP's own initialisation: Radford et al. 2021, release. */
export function blockSpecs(
  prefix: string,
  width: number,
  layers: number,
  trainable: boolean,
): ParameterSpec[] {
  const narrow = width ** -0.5 * (2 * layers) ** -0.5;
  const spec = (name: string, shape: number[], start: Start): ParameterSpec => ({
    name: `${prefix}.${name}`,
    shape,
    trainable,
    inert: false,
    start,
  });
  return [
    spec('attn.in_proj_weight', [3 * width, width], normal(width ** -0.5)),
    spec('attn.in_proj_bias', [3 * width], zeros),
    spec('attn.out_proj.weight', [width, width], normal(narrow)),
    spec('attn.out_proj.bias', [width], zeros),
    spec('ln_1.weight', [width], ones),
    spec('ln_1.bias', [width], zeros),
    spec('mlp.c_fc.weight', [4 * width, width], normal((2 * width) ** -0.5)),
    spec('mlp.c_fc.bias', [4 * width], zeros),
    spec('mlp.c_proj.weight', [width, 4 * width], normal(narrow)),
    spec('mlp.c_proj.bias', [width], zeros),
    spec('ln_2.weight', [width], ones),
    spec('ln_2.bias', [width], zeros),
  ];
}

/** CLIP's image tower, from the patch embedding to the projection into the joint space, under `backbone`. */
export function imageTowerSpecs(vision: VisionConfig, trainable: boolean): ParameterSpec[] {
  const { patch, width, layers, embedDim, resolution } = vision;
  const grid = Math.floor(resolution / patch);
  const scale = width ** -0.5;
  const spec = (name: string, shape: number[], start: Start): ParameterSpec => ({
    name: `backbone.${name}`,
    shape,
    trainable,
    inert: false,
    start,
  });
  const norm = (name: string): ParameterSpec[] => [
    spec(`${name}.weight`, [width], ones),
    spec(`${name}.bias`, [width], zeros),
  ];
  return [
    spec('conv1.weight', [width, 3, patch, patch], uniform(1 / Math.sqrt(3 * patch * patch))),
    spec('class_embedding', [width], normal(scale)),
    spec('positional_embedding', [1 + grid * grid, width], normal(scale)),
    ...norm('ln_pre'),
    ...Array.from({ length: layers }, (_, i) =>
      blockSpecs(`backbone.transformer.resblocks.${i}`, width, layers, trainable),
    ).flat(),
    ...norm('ln_post'),
    spec('proj', [width, embedDim], normal(scale)),
  ];
}

/** Norm and untrained projection of each tap before the last block. Frozen. */
function tapSpecs(config: ModelConfig): ParameterSpec[] {
  const { width, embedDim } = config.vision;
  const taps = intermediateTaps(config).length;
  const spec = (name: string, shape: number[], start: Start): ParameterSpec => ({
    name: `backbone.${name}`,
    shape,
    trainable: false,
    inert: false,
    start,
  });
  return [
    ...Array.from({ length: taps }, (_, i) => [
      spec(`ln_layers.${i}.weight`, [width], ones),
      spec(`ln_layers.${i}.bias`, [width], zeros),
    ]).flat(),
    ...(taps > 0 ? [spec('proj_layers', [taps, width, embedDim], normal(width ** -0.5))] : []),
  ];
}

/** Deep visual prompts. Jia et al. 2022, arXiv:2203.12119. */
function promptSpecs({ vision: { patch, width }, prompts: { count, deep } }: ModelConfig): ParameterSpec[] {
  const start = uniform(Math.sqrt(6 / (3 * patch * patch + width)));
  const spec = (name: string, shape: number[], from: Start): ParameterSpec => ({
    name: `backbone.${name}`,
    shape,
    trainable: true,
    inert: false,
    start: from,
  });
  return [
    spec('prompt_embeddings', [1, count, width], start),
    ...(deep > 0 ? [spec('deep_prompt_embeddings', [deep, count, width], start)] : []),
    spec('prompt_proj.weight', [width, width], normal(Math.sqrt(2 / width))),
    spec('prompt_proj.bias', [width], uniform(1 / Math.sqrt(width))),
    spec('prompt_norm.weight', [width], ones),
    spec('prompt_norm.bias', [width], zeros),
  ];
}

/** What aggregates the taps, one decoder a stage, the query projections, and the logit bias where one is asked for. */
function headSpecs(config: ModelConfig): ParameterSpec[] {
  const { embedDim } = config.vision;
  const spec = (name: string, shape: number[], start: Start): ParameterSpec => ({
    name: `decode_head.${name}`,
    shape,
    trainable: true,
    inert: false,
    start,
  });
  const linear = (name: string, out: number, inner: number): ParameterSpec[] => [
    spec(`${name}.weight`, [out, inner], headStart(config, inner)),
    spec(`${name}.bias`, [out], config.headStd === null ? uniform(1 / Math.sqrt(inner)) : zeros),
  ];
  return [
    ...config.stages.flatMap(({ length }, s) => {
      if (length === 1) return [];
      if (config.aggregation === 'concat') return linear(concatKey(s), embedDim, length * embedDim);
      const start = config.aggregation === 'sum' ? ones : given(gaussianWeights(length));
      return [{ ...spec(gaussianKey(s), [length], start), trainable: config.aggregation === 'gaussian' }];
    }),
    ...config.stages.flatMap((_, s) => decoderSpecs(config, `cascade_decoders.${s}`)),
    ...[...new Set(config.stages.map((_, s) => queryKey(config, s)))].flatMap((key) =>
      linear(key, embedDim, 2 * embedDim),
    ),
    ...(config.logitBias === null
      ? []
      : [spec('logit_bias', [1], { kind: 'constant', value: config.logitBias })]),
  ];
}

/** The key of a stage's NGA weights under `decode_head`. */
export function gaussianKey(stage: number): string {
  return `weights_s${stage + 1}`;
}

/** The linear layer, under `decode_head`, after the concatenated taps of a stage. */
export function concatKey(stage: number): string {
  return `concat_projs.${stage}`;
}

/** The projection, under `decode_head`, that makes the queries of a stage's decoder. */
export function queryKey({ sharedQueries }: ModelConfig, stage: number): string {
  return `q_projs.${sharedQueries ? 0 : stage}`;
}

/** exp(-(d - l)^2 / 2), distance in blocks to the last of the stage, sigma = 1: the paper's Equation for NGA. */
export function gaussianWeights(blocks: number): number[] {
  return Array.from({ length: blocks }, (_, l) => Math.exp(-0.5 * (blocks - 1 - l) ** 2));
}

function headStart(config: ModelConfig, fanIn: number): Start {
  return config.headStd === null ? uniform(1 / Math.sqrt(fanIn)) : normal(config.headStd);
}

/** One decoder. Layers start identical; of the last layer only the query and key projections are computed. */
function decoderSpecs(config: ModelConfig, prefix: string): ParameterSpec[] {
  const width = config.vision.embedDim;
  const inner = width * config.decoder.hiddenMultiple;
  return Array.from({ length: config.decoder.layers }, (_, layer) => {
    const last = layer === config.decoder.layers - 1;
    const spec = (name: string, shape: number[], start: Start, inert: boolean): ParameterSpec => ({
      name: `decode_head.${prefix}.layers.${layer}.${name}`,
      shape,
      trainable: true,
      inert,
      start,
      twin: `${prefix}.${name}`,
    });
    const linear = (name: string, out: number, fanIn: number, inert: boolean): ParameterSpec[] => [
      spec(`${name}.weight`, [out, fanIn], headStart(config, fanIn), inert),
      spec(`${name}.bias`, [out], config.headStd === null ? uniform(1 / Math.sqrt(fanIn)) : zeros, inert),
    ];
    const norm = (name: string, inert: boolean): ParameterSpec[] => [
      spec(`${name}.weight`, [width], ones, inert),
      spec(`${name}.bias`, [width], zeros, inert),
    ];
    return [
      spec('self_attn.in_proj_weight', [3 * width, width], uniform(Math.sqrt(6 / (4 * width))), true),
      spec('self_attn.in_proj_bias', [3 * width], zeros, true),
      spec('self_attn.out_proj.weight', [width, width], uniform(1 / Math.sqrt(width)), true),
      spec('self_attn.out_proj.bias', [width], zeros, true),
      ...norm('norm1', true),
      ...linear('multihead_attn.q', width, width, false),
      ...linear('multihead_attn.k', width, width, false),
      ...linear('multihead_attn.v', width, width, last),
      ...linear('multihead_attn.proj', width, width, last),
      ...linear('linear1', inner, width, last),
      ...linear('linear2', width, inner, last),
      ...norm('norm2', last),
      ...norm('norm3', last),
    ];
  }).flat();
}

/** Draws a parameter's starting values. */
export function startValues({ shape, start }: ParameterSpec, random: Random): Float32Array<ArrayBuffer> {
  const values = new Float32Array(product(shape));
  switch (start.kind) {
    case 'constant':
      return values.fill(start.value);
    case 'values':
      return Float32Array.from(start.values);
    case 'normal':
      return values.map(() => start.std * random.normal());
    case 'uniform':
      return values.map(() => random.uniform(-start.bound, start.bound));
  }
}
