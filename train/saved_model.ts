import { createEngine } from '../engine/create.ts';
import { ensureAdapter } from '../engine/doctor/ensure.ts';
import type { Engine } from '../engine/engine.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import type { Tensor } from '../engine/tensor.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { ParameterStore } from '../model/store.ts';
import type { HostTensor } from '../model/weights/tensor_file.ts';
import { type ModelFile, modelTensors, textTensor } from './checkpoint.ts';
import { engineOptions, type RunConfig } from './config/config.ts';
import { datasetInfo } from './data/datasets/info.ts';

/** A trained model on the GPU, with the embeddings of the classes that it is asked for. */
export interface OpenModel {
  engine: Engine;
  store: ParameterStore;
  config: RunConfig;
  /** (C, D), rows of unit length. */
  text: Tensor;
  /** Gives the GPU back. */
  close(): Promise<void>;
}

/** Embeddings (C, D) of the classes in question. */
export type Embed = (engine: Engine) => HostTensor | Promise<HostTensor>;

/**
 * Puts the weights of a file onto the adapter of a configuration.
 * @throws DataError where the weights do not fit `config.model`, AdapterError where there is no such adapter.
 */
export async function openSavedModel(
  { file, tensors }: ModelFile,
  config: RunConfig,
  embed: Embed,
): Promise<OpenModel> {
  const specs = parameterSpecs(config.model);
  const own = modelTensors(file, tensors, specs);
  await ensureAdapter({ adapter: config.adapter ?? undefined });
  const engine = await createEngine(nodePlatform(), engineOptions(config));
  try {
    const { data, shape } = await embed(engine);
    const store = new ParameterStore(engine, specs, own, config.seed);
    const text = engine.tensor(data as Float32Array<ArrayBuffer>, shape);
    return { engine, store, config, text, close: () => engine.close() };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/**
 * The embeddings (C, D) that a checkpoint was trained with, of all classes of its data set.
 * @throws DataError where it has none.
 */
export function carriedText({ file, tensors }: ModelFile, { dataset, model }: RunConfig): HostTensor {
  return textTensor(file, tensors, [datasetInfo(dataset).classes.length, model.vision.embedDim]);
}
