import type { ModelConfig } from './config.ts';
import {
  constant,
  given,
  normal,
  normSpecs,
  ones,
  type ParameterSpec,
  type SpecMaker,
  specsUnder,
  uniform,
  zeros,
} from './parameter_spec.ts';
import { imageTowerSpecs } from './tower_specs.ts';

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

/** Norm and untrained projection of each tap before the last block. Frozen. */
function tapSpecs(config: ModelConfig): ParameterSpec[] {
  const { width, embedDim } = config.vision;
  const taps = intermediateTaps(config);
  const spec = specsUnder('backbone', false);
  return [
    ...taps.flatMap((_, i) => normSpecs(spec, `ln_layers.${i}`, width)),
    ...(taps.length > 0 ? [spec('proj_layers', [taps.length, width, embedDim], normal(width ** -0.5))] : []),
  ];
}

/** Deep visual prompts. Jia et al. 2022, arXiv:2203.12119. */
function promptSpecs({ vision: { patch, width }, prompts: { count, deep } }: ModelConfig): ParameterSpec[] {
  const start = uniform(Math.sqrt(6 / (3 * patch * patch + width)));
  const spec = specsUnder('backbone', true);
  return [
    spec('prompt_embeddings', [1, count, width], start),
    ...(deep > 0 ? [spec('deep_prompt_embeddings', [deep, count, width], start)] : []),
    spec('prompt_proj.weight', [width, width], normal(Math.sqrt(2 / width))),
    spec('prompt_proj.bias', [width], uniform(1 / Math.sqrt(width))),
    ...normSpecs(spec, 'prompt_norm', width),
  ];
}

/** What aggregates the taps, one decoder a stage, the query projections, and the logit bias where one is asked for. */
function headSpecs(config: ModelConfig): ParameterSpec[] {
  const { stages, aggregation, logitBias, vision } = config;
  const width = vision.embedDim;
  const spec = specsUnder('decode_head', true);
  const linear = linearSpecs(spec, config);
  return [
    ...stages.flatMap(({ length }, s) => {
      if (length === 1) return [];
      if (aggregation === 'concat') return linear(concatKey(s), width, length * width);
      const start = aggregation === 'sum' ? ones : given(gaussianWeights(length));
      return [{ ...spec(gaussianKey(s), [length], start), trainable: aggregation === 'gaussian' }];
    }),
    ...stages.flatMap((_, s) => decoderSpecs(config, `decode_head.cascade_decoders.${s}`)),
    ...[...new Set(stages.map((_, s) => queryKey(config, s)))].flatMap((key) =>
      linear(key, width, 2 * width),
    ),
    ...(logitBias === null ? [] : [spec('logit_bias', [1], constant(logitBias))]),
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

/** exp(-(d - l)^2 / 2), distance to the stage's last block counted in its blocks, sigma = 1: the paper's equation for NGA. */
export function gaussianWeights(blocks: number): number[] {
  return Array.from({ length: blocks }, (_, l) => Math.exp(-0.5 * (blocks - 1 - l) ** 2));
}

/** What describes the head's linear layers of `out` x `fanIn`; they start as PyTorch's do or as `headStd` says. */
function linearSpecs(spec: SpecMaker, { headStd }: ModelConfig) {
  return (name: string, out: number, fanIn: number, inert = false): ParameterSpec[] => {
    const byFanIn = uniform(1 / Math.sqrt(fanIn));
    const [weight, bias] = headStd === null ? [byFanIn, byFanIn] : [normal(headStd), zeros];
    return [spec(`${name}.weight`, [out, fanIn], weight, inert), spec(`${name}.bias`, [out], bias, inert)];
  };
}

/** One decoder. Layers start identical; of the last layer only the query and key projections are computed. */
function decoderSpecs(config: ModelConfig, prefix: string): ParameterSpec[] {
  const width = config.vision.embedDim;
  const inner = width * config.decoder.hiddenMultiple;
  return Array.from({ length: config.decoder.layers }, (_, layer) => {
    const last = layer === config.decoder.layers - 1;
    const under = specsUnder(`${prefix}.layers.${layer}`, true);
    const spec: SpecMaker = (name, ...rest) => ({ ...under(name, ...rest), twin: `${prefix}.${name}` });
    const linear = linearSpecs(spec, config);
    return [
      spec('self_attn.in_proj_weight', [3 * width, width], uniform(Math.sqrt(6 / (4 * width))), true),
      spec('self_attn.in_proj_bias', [3 * width], zeros, true),
      spec('self_attn.out_proj.weight', [width, width], uniform(1 / Math.sqrt(width)), true),
      spec('self_attn.out_proj.bias', [width], zeros, true),
      ...normSpecs(spec, 'norm1', width, true),
      ...linear('multihead_attn.q', width, width),
      ...linear('multihead_attn.k', width, width),
      ...linear('multihead_attn.v', width, width, last),
      ...linear('multihead_attn.proj', width, width, last),
      ...linear('linear1', inner, width, last),
      ...linear('linear2', width, inner, last),
      ...normSpecs(spec, 'norm2', width, last),
      ...normSpecs(spec, 'norm3', width, last),
    ];
  }).flat();
}
