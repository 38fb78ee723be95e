import { gatherLinks, gatherRows as gatherRowsKernel, gatherScatter } from '../../kernels/gather/gather.ts';
import { engineOf, launch } from '../launch.ts';
import { defineOp } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface EmbeddingArgs {
  /** (V, W) */
  table: Tensor;
  /** u32 below V, any shape. The GPU does not check them: larger ones give unspecified rows. */
  ids: Tensor;
}

/** Rows of a table: (..., W) for ids (...). The gradient adds rows of one id in order of position. */
export const embedding = defineOp({
  name: 'embedding',
  forward: ({ table, ids }: EmbeddingArgs) => {
    expectShape('embedding: table', table.shape, [null, null]);
    const [sourceRows, cols] = table.shape;
    const y = engineOf({ table }).empty([...ids.shape, cols]);
    const dims = { rows: ids.size, cols, stride: 0, sourceRows };
    launch(gatherRowsKernel, dims, { source: table, index: ids, y });
    return { output: y, save: { ids, dims } };
  },
  vjp: (dy, { ids, dims }) => {
    const { links } = launch(gatherLinks, { count: ids.size }, { ids });
    const table = engineOf({ dy }).zeros([dims.sourceRows, dims.cols]);
    return { table: launch(gatherScatter, dims, { dy, index: ids, links, table }).table };
  },
});

interface GatherRowsArgs {
  /** (B, N, W) */
  x: Tensor;
  /** (B), u32 below N, for example the position of each text's end token. */
  index: Tensor;
}

/** One row of each sequence: (B, W). */
export const gatherRows = defineOp({
  name: 'gatherRows',
  forward: ({ x, index }: GatherRowsArgs) => {
    expectShape('gatherRows: x', x.shape, [null, null, null]);
    expectShape('gatherRows: index', index.shape, [x.shape[0]]);
    const [rows, stride, cols] = x.shape;
    const y = engineOf({ x }).empty([rows, cols]);
    const dims = { rows, cols, stride, sourceRows: rows * stride };
    launch(gatherRowsKernel, dims, { source: x, index, y });
    return { output: y, save: { index, dims } };
  },
  vjp: (dy, { index, dims }) => {
    const table = engineOf({ dy }).zeros([dims.rows, dims.stride, dims.cols]);
    return { x: launch(gatherScatter, dims, { dy, index, table }).table };
  },
});
