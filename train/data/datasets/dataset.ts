import type { DatasetName } from '../../config/schema.ts';
import { requireComplete } from './complete.ts';
import type { DatasetInfo } from './define.ts';
import { datasetInfo } from './info.ts';
import { cocoStuff, type DatasetItem, type Layout, pascalContext, voc } from './layouts.ts';
import { checkRoot } from './root.ts';

export type { DatasetItem } from './layouts.ts';

/** A split of a benchmark on disk. */
export interface Dataset {
  info: DatasetInfo;
  split: string;
  /** In the order of the split; never empty. */
  items: DatasetItem[];
}

const layouts: Readonly<Record<DatasetName, Layout>> = {
  voc20: voc,
  context59: pascalContext,
  coco171: cocoStuff,
};

/**
 * Lists a split of a benchmark in its own layout below `root` (see `layouts.ts`). Its files must
 * all be there; what they hold is seen when they are read.
 *
 * @throws DataError where the root, the split or a file is missing and where the split is empty or malformed.
 */
export async function openDataset(name: DatasetName, root: string, split: string): Promise<Dataset> {
  const info = datasetInfo(name);
  const layout = layouts[name];
  await checkRoot(root, info.title, layout);
  const items = await layout.list(root, split);
  await requireComplete(items, layout);
  return { info, split, items };
}
