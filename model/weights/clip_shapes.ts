import { DataError } from '../../engine/errors.ts';
import { nearestName } from '../../engine/host/nearest_name.ts';
import type { TextConfig, VisionConfig } from '../config.ts';
import { imageTowerSpecs, textTowerSpecs } from '../tower_specs.ts';
import { clipName, isOfImageTower } from './clip_names.ts';
import type { HostTensor, StateDict } from './tensor_file.ts';

export interface ClipShapes {
  vision: VisionConfig;
  text: TextConfig | null;
  /** Every tensor that towers of these sizes have, by CLIP's own names. */
  shapes: ReadonlyMap<string, readonly number[]>;
}

/**
 * Infers the towers' sizes from a few tensors of a CLIP ViT checkpoint (Radford et al. 2021,
 * arXiv:2103.00020) and lists the shapes that all its tensors must have.
 *
 * @throws {DataError} When a telling tensor is missing or has a shape that no CLIP ViT has.
 */
export function clipShapes(path: string, state: StateDict, headWidth: number): ClipShapes {
  const hasText = [...state.keys()].some((name) => !isOfImageTower(name));
  const vision = visionOf(path, state, headWidth);
  const text = hasText ? textOf(path, state, headWidth) : null;
  if (text !== null && text.embedDim !== vision.embedDim) {
    const problem = `its text tower projects to width ${text.embedDim}, its image tower to ${vision.embedDim}`;
    throw new DataError(path, problem, 'Both towers must come from the same model.');
  }
  const specs = [...imageTowerSpecs(vision, false), ...(text === null ? [] : textTowerSpecs(text, false))];
  const shapes = new Map(specs.map(({ name, shape }) => [clipName(name), shape]));
  return { vision, text, shapes };
}

function visionOf(path: string, state: StateDict, headWidth: number): VisionConfig {
  const [width, , patch] = shapeOf(path, state, 'visual.conv1.weight', 4) as [number, number, number];
  const [rows] = shapeOf(path, state, 'visual.positional_embedding', 2) as [number];
  const [, embedDim] = shapeOf(path, state, 'visual.proj', 2) as [number, number];
  const grid = Math.sqrt(rows - 1);
  if (!Number.isInteger(grid) || grid === 0) {
    throw new DataError(path, `'visual.positional_embedding' has ${rows} rows, wanted 1 + a square`);
  }
  const heads = headsOf(path, 'visual', width, headWidth);
  const layers = countLayers(state, 'visual.transformer.resblocks.');
  return { patch, width, layers, heads, embedDim, resolution: grid * patch };
}

function textOf(path: string, state: StateDict, headWidth: number): TextConfig {
  const [vocabularySize, width] = shapeOf(path, state, 'token_embedding.weight', 2) as [number, number];
  const [contextLength] = shapeOf(path, state, 'positional_embedding', 2) as [number];
  const [, embedDim] = shapeOf(path, state, 'text_projection', 2) as [number, number];
  const heads = headsOf(path, 'text', width, headWidth);
  const layers = countLayers(state, 'transformer.resblocks.');
  return { width, layers, heads, embedDim, contextLength, vocabularySize };
}

function shapeOf(path: string, state: StateDict, name: string, axes: number): number[] {
  const tensor: HostTensor | undefined = state.get(name);
  if (tensor?.shape.length === axes) return tensor.shape;
  const nearest = nearestName(name, [...state.keys()]);
  const found = tensor === undefined ? `nearest name: '${nearest}'` : `its shape is [${tensor.shape}]`;
  throw new DataError(
    path,
    `is no CLIP ViT checkpoint: it has no '${name}' with ${axes} axes (${found})`,
    "Use one of OpenAI's ViT models, such as ViT-B-16.pt.",
  );
}

function headsOf(path: string, tower: string, width: number, headWidth: number): number {
  if (width % headWidth === 0) return width / headWidth;
  throw new DataError(
    path,
    `its ${tower} tower has width ${width}, which heads of width ${headWidth} do not divide`,
    'Give the width of one attention head.',
  );
}

/** One more than the highest block number, so that a gap shows as missing tensors. */
function countLayers(state: StateDict, prefix: string): number {
  const numbers = [...state.keys()]
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number.parseInt(name.slice(prefix.length), 10));
  return numbers.reduce((most, number) => (number < state.size ? Math.max(most, number + 1) : most), 0);
}
