import { columnSums as columnSumsKernel } from '../../kernels/reduce/columns.ts';
import { launch } from '../launch.ts';
import type { Tensor } from '../tensor.ts';

/** x, read as (rows, cols), summed over its rows: (cols). Serves backward passes; not differentiable itself. */
export function columnSums(x: Tensor, rows: number, cols: number): Tensor {
  return launch(columnSumsKernel, { rows, cols }, { x }).y;
}
