import type { DatasetName } from '../../config/schema.ts';
import { coco171 } from './coco171.ts';
import { context59 } from './context59.ts';
import type { DatasetInfo } from './define.ts';
import { voc20 } from './voc20.ts';

export type { DatasetInfo, Rgb } from './define.ts';

const datasets: Readonly<Record<DatasetName, DatasetInfo>> = { voc20, context59, coco171 };

/** Classes, zero-shot split, palette and mask coding of a benchmark. */
export function datasetInfo(name: DatasetName): DatasetInfo {
  return datasets[name];
}
