import { extname } from 'node:path';
import * as z from 'zod';
import type { Engine } from '../../engine/engine.ts';
import { DataError } from '../../engine/errors.ts';
import { fromFloat32ToF16 } from '../../engine/half.ts';
import type { ClipConfig } from '../clip.ts';
import type { TextConfig } from '../config.ts';
import { embedClasses } from '../text.ts';
import { CompactVocabulary } from '../tokenizer/compact_vocabulary.ts';
import { type ClipCheckpoint, mapClipCheckpoint } from './clip_checkpoint.ts';
import { clipName } from './clip_names.ts';
import { toFloat32 } from './half.ts';
import { type Metadata, readSafetensors, writeSafetensors } from './safetensors.ts';
import type { StateDict } from './tensor_file.ts';

const FORMAT = 'cascade-clip-webgpu miniature CLIP 1';
const hint = 'Use a file that npm run pretrain:clip wrote.';

/** A CLIP of two small towers, trained by this program, with what its text side needs. */
export interface MiniClip extends ClipCheckpoint {
  text: TextConfig;
  vocabulary: CompactVocabulary;
  /** Sentences, `{}` standing for a class name, whose embeddings are averaged. */
  templates: readonly string[];
}

const count = z.coerce.number().int().positive();
const json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
});

const metadataSchema = z.object({
  format: z.literal(FORMAT),
  image_heads: count,
  text_heads: count,
  vocabulary: json.pipe(z.array(z.int().nonnegative())),
  templates: json.pipe(z.array(z.string().includes('{}')).min(1)),
});

/**
 * Writes both towers in half precision under OpenAI's names.
 * @param state float32 tensors below `backbone` and `text_encoder`.
 * @param origin how the file came about, for whoever looks into it: command, seed, adapter, date, hashes, accuracy.
 * @throws DataError when writing fails.
 */
export async function writeMiniClip(
  path: string,
  state: StateDict,
  config: ClipConfig,
  vocabulary: CompactVocabulary,
  templates: readonly string[],
  origin: Metadata,
): Promise<void> {
  const tensors: StateDict = new Map();
  for (const [name, tensor] of state) {
    tensors.set(clipName(name), {
      dtype: 'F16',
      shape: tensor.shape,
      data: fromFloat32ToF16(toFloat32(tensor)),
    });
  }
  await writeSafetensors(path, tensors, {
    ...origin,
    format: FORMAT,
    image_heads: `${config.vision.heads}`,
    text_heads: `${config.text.heads}`,
    vocabulary: JSON.stringify(vocabulary.ids),
    templates: JSON.stringify(templates),
  });
}

/**
 * Reads what {@link writeMiniClip} wrote, as {@link mapClipCheckpoint} gives the weights of a full CLIP.
 * @param resolution image side in pixels to resize the position grid to; the stored one by default.
 * @throws DataError when the file is no such file or a damaged one.
 */
export async function readMiniClip(path: string, resolution?: number): Promise<MiniClip> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== FORMAT) {
    throw new DataError(path, `says it is '${metadata.format ?? 'nothing'}', wanted '${FORMAT}'`, hint);
  }
  const parsed = metadataSchema.safeParse(metadata);
  if (!parsed.success) throw new DataError(path, `its metadata: ${z.prettifyError(parsed.error)}`, hint);
  const { image_heads: imageHeads, text_heads: textHeads, templates } = parsed.data;
  const checkpoint = mapClipCheckpoint(path, tensors, { headWidth: 1, ...(resolution && { resolution }) });
  const { text } = checkpoint;
  if (!text) throw new DataError(path, 'holds no text tower', hint);
  const vocabulary = readVocabulary(path, parsed.data.vocabulary);
  if (vocabulary.size !== text.vocabularySize) {
    const problem = `has ${text.vocabularySize} token embeddings for a vocabulary of ${vocabulary.size}`;
    throw new DataError(path, problem, hint);
  }
  return {
    vision: { ...checkpoint.vision, heads: imageHeads },
    text: { ...text, heads: textHeads },
    tensors: checkpoint.tensors,
    vocabulary,
    templates,
  };
}

/** Whether a file says that it is one of {@link writeMiniClip}; looks at its header alone. */
export async function isMiniClip(path: string): Promise<boolean> {
  if (extname(path).toLowerCase() !== '.safetensors') return false;
  return (await readSafetensors(path, () => false)).metadata.format === FORMAT;
}

function readVocabulary(path: string, ids: readonly number[]): CompactVocabulary {
  try {
    return new CompactVocabulary(ids);
  } catch (error) {
    throw new DataError(path, (error as Error).message, hint);
  }
}

/**
 * Embeddings of class names by the miniature's text tower.
 * @returns (C, D), row-major, rows of unit length.
 * @throws UserError for a name with a word that it was not trained on.
 */
export function miniClassEmbeddings(
  engine: Engine,
  mini: MiniClip,
  names: readonly string[],
): Promise<Float32Array<ArrayBuffer>> {
  return embedClasses(engine, mini, mini.vocabulary, mini.templates, names);
}
