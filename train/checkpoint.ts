import { basename, dirname, extname } from 'node:path';
import { DataError } from '../engine/errors.ts';
import { isKind } from '../engine/host/path_kind.ts';
import type { ParameterSpec } from '../model/parameter_spec.ts';
import type { ParameterStore } from '../model/store.ts';
import { readSafetensors, type SafetensorsFile, writeSafetensors } from '../model/weights/safetensors.ts';
import { checkStateDict, readStateDict } from '../model/weights/state_dict.ts';
import type { HostTensor, StateDict } from '../model/weights/tensor_file.ts';
import { formatConfig, parseSavedConfig, type RunConfig } from './config/config.ts';
import { type AdamW, isOptimizerTensor } from './optimizer.ts';
import { bestOrNewest } from './run_checkpoints.ts';
import { runFolder } from './run_folder.ts';

/** Bumped when a checkpoint's contents change their meaning. */
const FORMAT = 'cascade-clip-webgpu 1';
/** Class embeddings (C, D) that the run was trained with, so that it can go on without CLIP's weights. */
const TEXT = 'text_embeddings';
/** Tensors of a weights file that are not the model's own; the loss of the release registers a buffer. */
const STRANGERS = new RegExp(`^(${TEXT}$|text_encoder\\.|decode_head\\.loss_decode\\.)`);

/**
 * What a run continues from. Everything random is drawn from (seed, step), so the step is the whole random state.
 */
export interface Checkpoint {
  /** Steps done. */
  step: number;
  /** Updates of the optimiser so far. */
  updates: number;
  /** Best score of the run so far, percent (see `selectionScore`); null before the first evaluation. */
  best: number | null;
  config: RunConfig;
  /** Parameters under their published keys, class embeddings, and the optimiser's moments. */
  tensors: StateDict;
}

/** Writes parameters, optimiser, step and configuration in one atomic step. */
export async function saveCheckpoint(
  file: string,
  store: ParameterStore,
  optimizer: AdamW,
  text: HostTensor,
  state: Omit<Checkpoint, 'tensors' | 'updates'>,
): Promise<void> {
  const tensors: StateDict = new Map([
    ...(await store.stateDict()),
    [TEXT, text],
    ...(await optimizer.stateDict()),
  ]);
  await writeSafetensors(file, tensors, {
    format: FORMAT,
    step: `${state.step}`,
    updates: `${optimizer.updates}`,
    best: `${state.best ?? ''}`,
    config: formatConfig(state.config),
  });
}

/**
 * Reads a checkpoint of this program with everything that is needed to continue.
 * @throws DataError where the file is no checkpoint, or a damaged one.
 */
export async function loadCheckpoint(file: string): Promise<Checkpoint> {
  return checkpointOf(file, await readSafetensors(file));
}

/** A model to evaluate or to predict with: a checkpoint, or bare weights under the published keys. */
export interface ModelFile {
  file: string;
  /** Steps done and the run's configuration; null where the file holds weights alone. */
  step: number | null;
  config: RunConfig | null;
  tensors: StateDict;
}

/**
 * Reads a checkpoint of this program, or the weights of a published one (`.pth`, `.pt`, or `.safetensors` without
 * our format's name).
 * @throws DataError where the file is neither, a damaged one, or a folder.
 */
export async function loadModelFile(file: string): Promise<ModelFile> {
  if (isKind(file, 'folder')) throw folderError(file);
  if (extname(file).toLowerCase() !== '.safetensors') {
    return { file, step: null, config: null, tensors: await readStateDict(file) };
  }
  const content = await readSafetensors(file);
  const { format } = content.metadata;
  // 'pt' is what Hugging Face's writer says for PyTorch
  if (format === undefined || format === 'pt') {
    return { file, step: null, config: null, tensors: content.tensors };
  }
  return { file, ...checkpointOf(file, content) };
}

/** Of a folder in the place of a file: names the best checkpoint where it is that of a run, else the newest. */
function folderError(path: string): DataError {
  const folders = [runFolder(path), ...(basename(path) === 'checkpoints' ? [runFolder(dirname(path))] : [])];
  for (const folder of folders) {
    const file = bestOrNewest(folder);
    if (file !== null) {
      return new DataError(
        path,
        'is the folder of a run, wanted a file',
        `Give one of its checkpoints: ${file}`,
      );
    }
  }
  return new DataError(path, 'is a folder, wanted a file', 'Give a checkpoint, or published weights.');
}

function checkpointOf(file: string, { tensors, metadata }: SafetensorsFile): Checkpoint {
  if (metadata.format !== FORMAT) {
    throw new DataError(
      file,
      `says it is '${metadata.format ?? 'nothing'}', wanted '${FORMAT}'`,
      'Give a checkpoint that npm run train wrote.',
    );
  }
  const whole = (name: string): number => {
    const value = Number(metadata[name]);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new DataError(file, `has ${name} '${metadata[name]}'`);
    return value;
  };
  return {
    step: whole('step'),
    updates: whole('updates'),
    best: metadata.best ? Number(metadata.best) : null,
    config: parseSavedConfig(configOf(file, metadata), `${file}: the configuration inside`),
    tensors,
  };
}

function configOf(file: string, { config }: SafetensorsFile['metadata']): unknown {
  try {
    return JSON.parse(config);
  } catch {
    throw new DataError(file, 'holds a configuration that is not JSON', 'Use the file as it was written.');
  }
}

/** The model's tensors of any weights file, checked against what the configuration wants. */
export function modelTensors(file: string, tensors: StateDict, specs: readonly ParameterSpec[]): StateDict {
  const found: StateDict = new Map(
    [...tensors].filter(([name]) => !STRANGERS.test(name) && !isOptimizerTensor(name)),
  );
  checkStateDict(file, found, new Map(specs.map(({ name, shape }) => [name, shape])));
  return found;
}

/** The optimiser's tensors of a checkpoint, checked likewise. */
export function optimizerTensors(file: string, tensors: StateDict, optimizer: AdamW): StateDict {
  const found: StateDict = new Map([...tensors].filter(([name]) => isOptimizerTensor(name)));
  checkStateDict(file, found, optimizer.stateShapes());
  return found;
}

/**
 * The class embeddings that a checkpoint carries.
 * @throws DataError where they are missing or of another shape.
 */
export function textTensor(file: string, tensors: StateDict, shape: readonly [number, number]): HostTensor {
  const text = tensors.get(TEXT);
  checkStateDict(file, new Map(text ? [[TEXT, text]] : []), new Map([[TEXT, shape]]));
  return text!;
}
