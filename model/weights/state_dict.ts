import { extname } from 'node:path';
import { DataError } from '../../engine/errors.ts';
import { nearestName } from '../../engine/host/nearest_name.ts';
import { sameShape } from '../../engine/shape.ts';
import { readSafetensors } from './safetensors.ts';
import type { HostTensor, StateDict } from './tensor_file.ts';
import { readTorchFile } from './torch_file.ts';

/** Tensors an error lists by name before it only counts the rest. */
const LISTED = 6;

/**
 * Reads a weights file by its extension: `.safetensors`, or PyTorch's `.pt` and `.pth`.
 *
 * @param wanted Loads only the tensors it accepts by name.
 * @throws {DataError} When the extension is another one or the file cannot be read as what it claims to be.
 */
export async function readStateDict(path: string, wanted?: (name: string) => boolean): Promise<StateDict> {
  const extension = extname(path).toLowerCase();
  if (extension === '.safetensors') return (await readSafetensors(path, wanted)).tensors;
  if (extension === '.pt' || extension === '.pth') return readTorchFile(path, wanted);
  throw new DataError(
    path,
    `is no known kind of weights file: its extension is '${extension}'`,
    'Wanted .safetensors, .pt or .pth.',
  );
}

/**
 * Checks that a file's tensors are exactly the wanted ones by name and shape.
 *
 * @param wanted Shape by name.
 * @throws {DataError} Listing missing, unexpected and mis-shaped tensors, with the nearest name in the file.
 */
export function checkStateDict(
  path: string,
  found: ReadonlyMap<string, Pick<HostTensor, 'shape'>>,
  wanted: ReadonlyMap<string, readonly number[]>,
): void {
  const unexpected = [...found.keys()].filter((name) => !wanted.has(name));
  const missing = [...wanted.keys()].filter((name) => !found.has(name));
  const misshaped = [...wanted].filter(([name, shape]) => !sameShape(found.get(name)?.shape ?? shape, shape));
  const problems = [
    ...list('missing', missing, (name) => {
      const nearest = nearestName(name, unexpected);
      return `'${name}' [${wanted.get(name)}]${nearest === undefined ? '' : ` (nearest unexpected name: '${nearest}')`}`;
    }),
    ...list('unexpected', unexpected, (name) => `'${name}' [${found.get(name)!.shape}]`),
    ...list('of the wrong shape', misshaped, ([name, shape]) => {
      return `'${name}' is [${found.get(name)!.shape}], wanted [${shape}]`;
    }),
  ];
  if (problems.length > 0) {
    throw new DataError(
      path,
      `its tensors do not fit the model\n  ${problems.join('\n  ')}`,
      'Use the checkpoint that belongs to this configuration.',
    );
  }
}

function list<T>(kind: string, items: readonly T[], describe: (item: T) => string): string[] {
  if (items.length === 0) return [];
  const more = items.length > LISTED ? `, and ${items.length - LISTED} more` : '';
  return [`${items.length} ${kind}: ${items.slice(0, LISTED).map(describe).join(', ')}${more}`];
}
