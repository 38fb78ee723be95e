import { stat } from 'node:fs/promises';
import { systemCause } from '../../engine/atomic_file.ts';
import { DataError } from '../../engine/errors.ts';
import type { DatasetName } from '../config_schema.ts';
import type { DatasetInfo } from './define.ts';
import { datasetInfo } from './info.ts';
import { type DatasetItem, listCocoStuff, listContext, listVoc } from './layouts.ts';

export type { DatasetItem } from './layouts.ts';

/** A split of a benchmark on disk. */
export interface Dataset {
  info: DatasetInfo;
  split: string;
  /** In the order of the split; never empty. */
  items: DatasetItem[];
}

const listers = { voc20: listVoc, context59: listContext, coco171: listCocoStuff };

/**
 * Lists a split of a benchmark in its own layout below `root` (see `layouts.ts`). The files of single images
 * are not looked at before they are read.
 *
 * @throws DataError where the root or the split is missing or the split is empty or malformed.
 */
export async function openDataset(name: DatasetName, root: string, split: string): Promise<Dataset> {
  const info = datasetInfo(name);
  const hint = `--data-root takes the folder that holds ${info.title} in its own layout.`;
  try {
    if (!(await stat(root)).isDirectory()) throw new DataError(root, 'is a file, wanted a folder', hint);
  } catch (error) {
    throw error instanceof DataError ? error : new DataError(root, systemCause(error), hint);
  }
  return { info, split, items: await listers[name](root, split) };
}
