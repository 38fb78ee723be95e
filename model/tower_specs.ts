import type { TextConfig, VisionConfig } from './config.ts';
import {
  constant,
  normal,
  normSpecs,
  type ParameterSpec,
  type SpecMaker,
  specsUnder,
  uniform,
  zeros,
} from './parameter_spec.ts';

/** CLIP's image tower, from the patch embedding to the projection into the joint space, under `backbone`. */
export function imageTowerSpecs(vision: VisionConfig, trainable: boolean): ParameterSpec[] {
  const { patch, width, layers, embedDim, resolution } = vision;
  const grid = Math.floor(resolution / patch);
  const scale = width ** -0.5;
  const spec = specsUnder('backbone', trainable);
  return [
    spec('conv1.weight', [width, 3, patch, patch], uniform(1 / Math.sqrt(3 * patch * patch))),
    spec('class_embedding', [width], normal(scale)),
    spec('positional_embedding', [1 + grid * grid, width], normal(scale)),
    ...normSpecs(spec, 'ln_pre', width),
    ...blockSpecs(spec, width, layers),
    ...normSpecs(spec, 'ln_post', width),
    spec('proj', [width, embedDim], normal(scale)),
  ];
}

/** CLIP's text tower and logit scale under `text_encoder`; initialisation of Radford et al. 2021, release. */
export function textTowerSpecs(text: TextConfig, trainable: boolean): ParameterSpec[] {
  const { width, layers, embedDim, contextLength, vocabularySize } = text;
  const spec = specsUnder('text_encoder', trainable);
  return [
    spec('token_embedding.weight', [vocabularySize, width], normal(0.02)),
    spec('positional_embedding', [contextLength, width], normal(0.01)),
    ...blockSpecs(spec, width, layers),
    ...normSpecs(spec, 'ln_final', width),
    spec('text_projection', [width, embedDim], normal(width ** -0.5)),
    spec('logit_scale', [], constant(Math.log(1 / 0.07))),
  ];
}

/** Attention and MLP of all blocks of a tower. CLIP's own initialisation: Radford et al. 2021, release. */
function blockSpecs(spec: SpecMaker, width: number, layers: number): ParameterSpec[] {
  const narrow = width ** -0.5 * (2 * layers) ** -0.5;
  return Array.from({ length: layers }, (_, i) => `transformer.resblocks.${i}`).flatMap((block) => [
    spec(`${block}.attn.in_proj_weight`, [3 * width, width], normal(width ** -0.5)),
    spec(`${block}.attn.in_proj_bias`, [3 * width], zeros),
    spec(`${block}.attn.out_proj.weight`, [width, width], normal(narrow)),
    spec(`${block}.attn.out_proj.bias`, [width], zeros),
    ...normSpecs(spec, `${block}.ln_1`, width),
    spec(`${block}.mlp.c_fc.weight`, [4 * width, width], normal((2 * width) ** -0.5)),
    spec(`${block}.mlp.c_fc.bias`, [4 * width], zeros),
    spec(`${block}.mlp.c_proj.weight`, [width, 4 * width], normal(narrow)),
    spec(`${block}.mlp.c_proj.bias`, [width], zeros),
    ...normSpecs(spec, `${block}.ln_2`, width),
  ]);
}
