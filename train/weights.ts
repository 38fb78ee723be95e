import type { Engine } from '../engine/engine.ts';
import { ConfigError, DataError } from '../engine/errors.ts';
import { l2norm } from '../engine/ops/index.ts';
import { Random } from '../engine/random.ts';
import type { ModelConfig, VisionConfig } from '../model/config.ts';
import type { ParameterSpec } from '../model/parameter_spec.ts';
import { templatesOf } from '../model/templates.ts';
import { embedClasses } from '../model/text.ts';
import { clipTokenizer } from '../model/tokenizer/tokenizer.ts';
import { type ClipCheckpoint, readClipCheckpoint } from '../model/weights/clip_checkpoint.ts';
import { toFloat32 } from '../model/weights/half.ts';
import { isMiniClip, miniClassEmbeddings, readMiniClip } from '../model/weights/mini_clip.ts';
import { readStateDict } from '../model/weights/state_dict.ts';
import { float32Tensor, type HostTensor, type StateDict } from '../model/weights/tensor_file.ts';
import { readTextEmbeddings } from '../model/weights/text_embeddings.ts';
import { modelTensors } from './checkpoint.ts';
import type { DatasetName, RunConfig } from './config/config.ts';
import type { DatasetInfo } from './data/datasets/info.ts';
import { requireKnownWords } from './embedded/known_words.ts';

/** Keeps the stand-in text embeddings apart from the other uses of the seed. */
const TEXT_STREAM = 0x74657874;

export interface InitialWeights {
  /** Backbone tensors under published keys; empty where everything starts from the seed. */
  backbone: StateDict;
  /** (C, D), one row per class of the data set, of unit length to within half precision. */
  text: HostTensor;
  /** Where they come from, in words. */
  textSource: string;
}

/**
 * What a new run starts from: CLIP's image tower and the class embeddings of its text tower, or of the `.npy`
 * file that is given. Without CLIP weights both are drawn from the seed.
 * @throws DataError, ConfigError where the files do not fit the configuration.
 */
export async function initialWeights(
  engine: Engine,
  config: RunConfig,
  info: DatasetInfo,
): Promise<InitialWeights> {
  const { clip, textEmbeddings, embedded } = config.data;
  const { embedDim } = config.model.vision;
  const source =
    clip === null ? null : await readSource(clip, config.model, embedded, textEmbeddings === null);
  const backbone: StateDict = new Map(
    [...(source?.checkpoint.tensors ?? [])].filter(([name]) => name.startsWith('backbone.')),
  );
  if (textEmbeddings !== null) {
    const file = await readTextEmbeddings(textEmbeddings, { classes: info.classes.length, width: embedDim });
    return { backbone, text: await unitRows(engine, file), textSource: `those of ${textEmbeddings}` };
  }
  const shape = [info.classes.length, embedDim];
  if (!source) {
    const random = new Random(config.seed, TEXT_STREAM);
    const values = Float32Array.from({ length: info.classes.length * embedDim }, () => random.normal());
    const text = await unitRows(engine, float32Tensor(shape, values));
    return { backbone, text, textSource: 'drawn from the seed, without a meaning' };
  }
  const text = float32Tensor(shape, await source.embed(engine, info.name, info.classes));
  return { backbone, text, textSource: `computed by the text tower of ${clip}` };
}

/**
 * Embeddings (C, D) of any names, for a trained model: CLIP's text tower with the templates of the run.
 * @param clip CLIP's weights, those that the model was trained on.
 * @param trained the model's tensors by key; its frozen image tower tells whether this is the same CLIP.
 * @throws ConfigError where it is another CLIP, and for names that it cannot know; DataError for a file that is none.
 */
export async function embedNames(
  engine: Engine,
  clip: string,
  { model, dataset, data }: Pick<RunConfig, 'model' | 'dataset' | 'data'>,
  names: readonly string[],
  trained: StateDict,
): Promise<HostTensor> {
  const source = await readSource(clip, model, data.embedded, true);
  checkSameTower(clip, source.checkpoint.tensors, trained);
  const values = await source.embed(engine, dataset, names);
  return float32Tensor([names.length, model.vision.embedDim], values);
}

/** Weights of an earlier run or a published checkpoint to start from, whole. */
export async function startingWeights(file: string, specs: readonly ParameterSpec[]): Promise<StateDict> {
  const tensors = await readStateDict(file);
  return modelTensors(file, tensors, specs);
}

/** CLIP weights and the way from class names to embeddings (C, D) that belongs to them. */
interface Source {
  checkpoint: ClipCheckpoint;
  embed(engine: Engine, benchmark: DatasetName, names: readonly string[]): Promise<Float32Array<ArrayBuffer>>;
}

/**
 * @param embedded whether it must be a miniature CLIP; any other file may be one, too.
 * @param text whether the text tower is wanted as well.
 */
async function readSource(
  file: string,
  model: ModelConfig,
  embedded: boolean,
  text: boolean,
): Promise<Source> {
  const { resolution, width, heads } = model.vision;
  if (embedded || (await isMiniClip(file))) {
    const checkpoint = await readMiniClip(file, resolution);
    checkTower(file, checkpoint.vision, model);
    return {
      checkpoint,
      embed: async (engine, _, names) => {
        requireKnownWords(checkpoint.vocabulary, names);
        return miniClassEmbeddings(engine, checkpoint, names);
      },
    };
  }
  const checkpoint = await readClipCheckpoint(file, { resolution, headWidth: width / heads, text });
  checkTower(file, checkpoint.vision, model);
  return {
    checkpoint,
    embed: (engine, benchmark, names) => fullClassEmbeddings(engine, checkpoint, file, benchmark, names),
  };
}

function checkTower(file: string, vision: VisionConfig, model: ModelConfig): void {
  for (const key of ['patch', 'width', 'layers', 'heads', 'embedDim'] as const) {
    if (vision[key] !== model.vision[key]) {
      throw new ConfigError(
        `${file}: its image tower has ${key} ${vision[key]}, model.vision.${key} is ${model.vision[key]}`,
        'Give the CLIP model that the configuration is for, or change model.vision.',
      );
    }
  }
}

/** Its projection tells one CLIP from another: frozen in training, and unlike in any two of them. */
const telling = 'backbone.proj';

/** Two trainings of CLIP differ by more than the length of the weights, half precision by a thousandth of it. */
function checkSameTower(file: string, clip: StateDict, trained: StateDict): void {
  const [given, own] = [clip, trained].map((tensors) => tensors.get(telling));
  if (!given || !own) return;
  const [a, b] = [toFloat32(given), toFloat32(own)];
  const distance = Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0));
  const length = Math.sqrt(b.reduce((sum, value) => sum + value ** 2, 0));
  if (distance <= 0.1 * length) return;
  throw new ConfigError(
    `${file}: its image tower is not the one in the checkpoint, so its text embeddings do not belong to it`,
    'Give the CLIP weights that the model was trained on.',
  );
}

/** Class embeddings (C, D) by the text tower of a full CLIP, over the benchmark's templates. */
async function fullClassEmbeddings(
  engine: Engine,
  { text, tensors }: ClipCheckpoint,
  file: string,
  benchmark: DatasetName,
  names: readonly string[],
): Promise<Float32Array<ArrayBuffer>> {
  if (!text) {
    throw new DataError(
      file,
      'holds no text tower',
      'Give class embeddings with --text-embeddings FILE.npy.',
    );
  }
  const { end } = clipTokenizer;
  if (text.vocabularySize <= end) {
    throw new DataError(
      file,
      `has ${text.vocabularySize} token embeddings, but CLIP's tokenizer numbers tokens up to ${end}`,
      "Give OpenAI's CLIP, or class embeddings with --text-embeddings FILE.npy.",
    );
  }
  return embedClasses(engine, { text, tensors }, clipTokenizer, templatesOf(benchmark), names);
}

/** How far the length of a row of unit length is from 1 once its elements were rounded to half precision. */
const HALF_ROUNDING = 2 ** -10;

/** Rows (n, D) brought to unit length on the GPU; rows that have it already stay as they are, as published ones do. */
async function unitRows(engine: Engine, rows: HostTensor): Promise<HostTensor> {
  const [count, width] = rows.shape;
  const values = rows.data as Float32Array<ArrayBuffer>;
  const lengths = Array.from({ length: count! }, (_, row) =>
    Math.hypot(...values.subarray(row * width!, (row + 1) * width!)),
  );
  if (lengths.every((length) => Math.abs(length - 1) < HALF_ROUNDING)) return rows;
  const { unit } = await engine.fetch(() => ({ unit: l2norm({ x: engine.tensor(values, rows.shape) }) }));
  return float32Tensor(rows.shape, unit as Float32Array<ArrayBuffer>);
}
