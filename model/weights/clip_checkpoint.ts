import { DataError } from '../../engine/errors.ts';
import type { TextConfig, VisionConfig } from '../config.ts';
import { isOfImageTower, publishedName } from './clip_names.ts';
import { clipShapes } from './clip_shapes.ts';
import { toFloat32 } from './half.ts';
import { resizePositions } from './positions.ts';
import { checkStateDict, readStateDict } from './state_dict.ts';
import { float32Tensor, type HostTensor, type StateDict } from './tensor_file.ts';

export interface ClipCheckpoint {
  vision: VisionConfig;
  /** Null where the file holds the image tower alone. */
  text: TextConfig | null;
  /** Float32 tensors named as in published Cascade-CLIP checkpoints: `backbone.*` and `text_encoder.*`. */
  tensors: StateDict;
}

export interface ClipOptions {
  /** Image side in pixels to resize the position grid to; the stored one by default. */
  resolution?: number;
  /** Width of one attention head; CLIP's models all use 64. */
  headWidth?: number;
  /** Also load the text tower (default true). */
  text?: boolean;
}

/** Buffers that OpenAI's archives carry beside the weights. */
const isBuffer = (name: string) =>
  /^(input_resolution|context_length|vocab_size)$|(^|\.)attn_mask$/.test(name);

/**
 * Reads an OpenAI CLIP ViT checkpoint (`ViT-B-16.pt`, or the same tensors as a state dict in `.pt`, `.pth` or
 * `.safetensors`) as the frozen part of Cascade-CLIP.
 *
 * @throws {DataError} As {@link readStateDict} and {@link mapClipCheckpoint}.
 */
export async function readClipCheckpoint(path: string, options: ClipOptions = {}): Promise<ClipCheckpoint> {
  const wanted = (name: string) => !isBuffer(name) && (options.text !== false || isOfImageTower(name));
  return mapClipCheckpoint(path, await readStateDict(path, wanted), options);
}

/**
 * Renames CLIP's tensors to the published Cascade-CLIP keys, infers the towers' sizes from the shapes,
 * converts to float32, and resizes the position grid (see `positions.ts`).
 *
 * @param path Named in errors.
 * @throws {DataError} Listing tensors that are missing, unexpected or of the wrong shape; also when a size
 *   cannot be right: a width that `headWidth` does not divide, a position grid that is not square, a
 *   resolution that the patch side does not divide.
 */
export function mapClipCheckpoint(path: string, state: StateDict, options: ClipOptions = {}): ClipCheckpoint {
  const weights = new Map([...state].filter(([name]) => !isBuffer(name)));
  const { vision, text, shapes } = clipShapes(path, weights, options.headWidth ?? 64);
  checkStateDict(path, weights, shapes);
  const tensors: StateDict = new Map();
  for (const [name, tensor] of weights) tensors.set(publishedName(name), asFloat32(path, name, tensor));
  const resolution = options.resolution ?? vision.resolution;
  if (!Number.isInteger(resolution / vision.patch) || resolution <= 0) {
    throw new DataError(
      path,
      `has patches of ${vision.patch} pixels, which do not divide a resolution of ${resolution}`,
      `Choose a multiple of ${vision.patch}.`,
    );
  }
  const positions = tensors.get('backbone.positional_embedding')!;
  const grid = resolution / vision.patch;
  const resized = resizePositions(toFloat32(positions), vision.width, vision.resolution / vision.patch, grid);
  tensors.set('backbone.positional_embedding', float32Tensor([grid * grid + 1, vision.width], resized));
  return { vision: { ...vision, resolution }, text, tensors };
}

function asFloat32(path: string, name: string, tensor: HostTensor): HostTensor {
  if (!['F16', 'BF16', 'F32', 'F64'].includes(tensor.dtype)) {
    throw new DataError(
      path,
      `tensor '${name}' is ${tensor.dtype}, wanted a float type`,
      'Use float weights.',
    );
  }
  return float32Tensor(tensor.shape, toFloat32(tensor));
}
