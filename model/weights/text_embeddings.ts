import { DataError } from '../../engine/errors.ts';
import { toFloat32 } from './half.ts';
import { readNpy } from './npy.ts';
import { float32Tensor, type HostTensor } from './tensor_file.ts';

/**
 * Reads class-name embeddings from `.npy`, as the public releases of ZegCLIP and Cascade-CLIP ship them
 * (float16, one row of `width` for each class), as float32 and otherwise unchanged.
 *
 * @param size Rows and columns that the dataset and the image tower call for.
 * @throws {DataError} When the file is no such matrix: other sizes, other types, rows that are zero or not finite.
 */
export async function readTextEmbeddings(
  path: string,
  size: { classes: number; width: number },
): Promise<HostTensor> {
  const tensor = await readNpy(path);
  const { dtype, shape } = tensor;
  const wanted = `[${size.classes},${size.width}]`;
  if (shape.length !== 2 || shape[0] !== size.classes || shape[1] !== size.width) {
    throw new DataError(
      path,
      `holds text embeddings of shape [${shape}], wanted ${wanted}: one row per class, one column per feature`,
      "Use the embeddings made for this dataset's class list and this CLIP model.",
    );
  }
  if (!['F16', 'F32', 'F64'].includes(dtype)) {
    throw new DataError(path, `holds ${dtype} values, wanted float16, float32 or float64`, 'Save floats.');
  }
  const values = toFloat32(tensor);
  for (let row = 0; row < size.classes; row++) {
    const length = Math.hypot(...values.subarray(row * size.width, (row + 1) * size.width));
    if (!(length > 0 && Number.isFinite(length))) {
      throw new DataError(
        path,
        `row ${row} has length ${length}, wanted a finite vector`,
        'Make the file again.',
      );
    }
  }
  return float32Tensor(shape, values);
}
