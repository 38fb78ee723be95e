import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { DataError } from '../../engine/errors.ts';
import { readSafetensors } from '../../model/weights/safetensors.ts';
import type { HostTensor, StateDict } from '../../model/weights/tensor_file.ts';

/** One golden fixture: `NAME.safetensors` with its sidecar `NAME.json`. */
export interface Fixture {
  name: string;
  /** Settings and host-side truths; its keys tell the kind. */
  json: Record<string, never>;
  tensors: StateDict;
}

export async function loadFixture(stem: string): Promise<Fixture> {
  const file = `${stem}.json`;
  let json: Fixture['json'];
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new DataError(
      file,
      (error as Error).message,
      'Every fixture NAME.safetensors needs a sidecar NAME.json.',
    );
  }
  return { name: basename(stem), json, tensors: (await readSafetensors(`${stem}.safetensors`)).tensors };
}

/** A tensor of the fixture as numbers. */
export function values(
  { name, tensors }: Fixture,
  key: string,
): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  return tensorOf(name, tensors, key).data as Float32Array<ArrayBuffer>;
}

export function shapeOf({ name, tensors }: Fixture, key: string): number[] {
  return tensorOf(name, tensors, key).shape;
}

function tensorOf(name: string, tensors: StateDict, key: string): HostTensor {
  const tensor = tensors.get(key);
  if (!tensor) throw new DataError(`${name}.safetensors`, `has no tensor '${key}'`);
  return tensor;
}

/** The tensors below a prefix, without it. */
export function below({ tensors }: Fixture, prefix: string): StateDict {
  return new Map(
    [...tensors].filter(([key]) => key.startsWith(prefix)).map(([key, t]) => [key.slice(prefix.length), t]),
  );
}
