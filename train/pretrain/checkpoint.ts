import { DataError } from '../../engine/errors.ts';
import type { ParameterSpec } from '../../model/parameter_spec.ts';
import type { ParameterStore } from '../../model/store.ts';
import { readSafetensors, writeSafetensors } from '../../model/weights/safetensors.ts';
import { checkStateDict } from '../../model/weights/state_dict.ts';
import type { StateDict } from '../../model/weights/tensor_file.ts';
import { optimizerTensors } from '../checkpoint.ts';
import { type AdamW, isOptimizerTensor } from '../optimizer.ts';

const FORMAT = 'cascade-clip-webgpu pre-training 1';

/** What a pre-training continues from; everything random is drawn from (seed, step). */
export interface PretrainCheckpoint {
  file: string;
  /** Steps done. */
  step: number;
  /** Updates of the optimiser in this stage. */
  updates: number;
  /** Seconds of training so far. */
  seconds: number;
  /** Parameters and the optimiser's moments. */
  tensors: StateDict;
}

/** Writes parameters, optimiser and step in one atomic step. */
export async function savePretrainCheckpoint(
  file: string,
  store: ParameterStore,
  optimizer: AdamW,
  { step, seconds }: { step: number; seconds: number },
): Promise<void> {
  const tensors: StateDict = new Map([...(await store.stateDict()), ...(await optimizer.stateDict())]);
  const metadata = {
    format: FORMAT,
    step: `${step}`,
    updates: `${optimizer.updates}`,
    seconds: seconds.toFixed(1),
  };
  await writeSafetensors(file, tensors, metadata);
}

/** @throws DataError where the file is no such checkpoint, or a damaged one. */
export async function loadPretrainCheckpoint(file: string): Promise<PretrainCheckpoint> {
  const { tensors, metadata } = await readSafetensors(file);
  const { format = 'nothing' } = metadata;
  if (format !== FORMAT) {
    throw new DataError(
      file,
      `says it is '${format}', wanted '${FORMAT}'`,
      'Give a folder of npm run pretrain:clip.',
    );
  }
  const number = (name: string): number => {
    const value = Number(metadata[name] ?? Number.NaN);
    if (!(value >= 0)) throw new DataError(file, `has ${name} '${metadata[name]}', wanted a number`);
    return value;
  };
  return { file, step: number('step'), updates: number('updates'), seconds: number('seconds'), tensors };
}

/** The model's tensors of a checkpoint, checked against what its stage has. */
export function parametersOf(
  { file, tensors }: PretrainCheckpoint,
  specs: readonly ParameterSpec[],
): StateDict {
  const found: StateDict = new Map([...tensors].filter(([name]) => !isOptimizerTensor(name)));
  checkStateDict(file, found, new Map(specs.map(({ name, shape }) => [name, shape])));
  return found;
}

/** Lets an optimiser continue from a checkpoint of the same stage. */
export function restoreOptimizer({ file, tensors, updates }: PretrainCheckpoint, optimizer: AdamW): void {
  optimizer.restore(optimizerTensors(file, tensors, optimizer), updates);
}
