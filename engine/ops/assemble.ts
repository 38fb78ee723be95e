import { assembleDims, assemble as assembleKernel, MAX_PIECES } from '../../kernels/tokens/assemble.ts';
import type { Engine } from '../engine.ts';
import { launch } from '../launch.ts';
import { clearRange, copyRange, isPartStart, part } from '../ranges.ts';
import { bytesOf, type Dtype, product, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** A contiguous part of every row of the result; all numbers count elements. */
export interface TensorPiece {
  /** Where the values come from; null for zeros. */
  source: Tensor | null;
  length: number;
  /** Distance in the source from one row's piece to the next one's; 0 repeats it in every row. */
  stride: number;
  /** Where the first row's piece begins in the source. */
  start: number;
}

/** A piece of zeros. */
export function zeroPiece(length: number): TensorPiece {
  return { source: null, length, stride: 0, start: 0 };
}

/** What is put together in no more pieces than this is copied by as many commands, which is less work than a dispatch. */
const MOST_COPIES = 8;

/**
 * Puts rows together from pieces, several at a time; not differentiable itself. A single contiguous piece that a
 * binding can begin with is not copied: the result shows the source.
 * @param shape of the result; its elements are the pieces of row 0, then those of row 1, and so on.
 * @param base of that shape: the pieces are added to it.
 */
export function assemble(
  engine: Engine,
  rows: number,
  pieces: readonly TensorPiece[],
  shape: Shape,
  base?: Tensor,
): Tensor {
  let level = pieces.filter((piece) => piece.length > 0);
  if (!base && rows === 1 && level.length === 1) {
    const [{ source, start }] = level;
    if (source && isPartStart(source, start)) return part(engine, source, start, shape);
  }
  if (!base && isCopied(rows, level)) return copied(engine, rows, level, shape);
  while (level.length > MAX_PIECES) {
    const groups: TensorPiece[] = [];
    for (let i = 0; i < level.length; i += MAX_PIECES)
      groups.push(merged(engine, rows, level.slice(i, i + MAX_PIECES)));
    level = groups;
  }
  const y = engine.empty(shape, dtypeOf(level));
  if (level.length > 0) assembleInto(y, rows, level, base);
  return y;
}

/** Whether pieces are few, or in one row, and lie where commands can copy: at multiples of four bytes. */
function isCopied(rows: number, pieces: readonly TensorPiece[]): boolean {
  if (rows > 1 && rows * pieces.length > MOST_COPIES) return false;
  const dtype = dtypeOf(pieces);
  return pieces.every(({ length, stride, start }) =>
    [length, stride, start].every((count) => bytesOf([count], dtype) % 4 === 0),
  );
}

function copied(engine: Engine, rows: number, pieces: readonly TensorPiece[], shape: Shape): Tensor {
  const y = engine.empty(shape, dtypeOf(pieces));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const { source, length, stride, start } of pieces) {
      if (source) copyRange(engine, source, y, { from: start + row * stride, to: at, count: length });
      else clearRange(engine, y, { from: at, count: length });
      at += length;
    }
  }
  return y;
}

function merged(engine: Engine, rows: number, group: readonly TensorPiece[]): TensorPiece {
  if (group.length === 1) return group[0];
  const length = group.reduce((sum, piece) => sum + piece.length, 0);
  const source = engine.empty([rows, length], dtypeOf(group));
  assembleInto(source, rows, group);
  return { source, length, stride: length, start: 0 };
}

/** The type of the sources; zeros alone are f32. */
function dtypeOf(pieces: readonly TensorPiece[]): Dtype {
  return pieces.find(({ source }) => source)?.source?.dtype ?? 'f32';
}

function assembleInto(y: Tensor, rows: number, pieces: readonly TensorPiece[], base?: Tensor): void {
  const sources = pieces.map((piece) => piece.source ?? undefined);
  const dims = assembleDims(
    rows,
    pieces.map(({ source, ...piece }) => ({ ...piece, size: source?.size ?? 0 })),
    Number(base !== undefined),
  );
  const [source0, source1, source2, source3] = sources;
  launch(assembleKernel, dims, { source0, source1, source2, source3, base, y });
}

/** A tensor seen as (outer, length, inner) around one axis. */
export function around(shape: Shape, axis: number): { outer: number; length: number; inner: number } {
  return { outer: product(shape.slice(0, axis)), length: shape[axis], inner: product(shape.slice(axis + 1)) };
}

/** The shape with another length on one axis. */
export function withAxis(shape: Shape, axis: number, length: number): number[] {
  return shape.map((n, i) => (i === axis ? length : n));
}

/** All of a tensor, row by row, for concatenation along an axis. */
export function wholePiece(source: Tensor, axis: number): TensorPiece {
  const { length, inner } = around(source.shape, axis);
  return { source, length: length * inner, stride: length * inner, start: 0 };
}

/** `length` positions of a tensor's axis, from `start`. */
export function slicePiece(source: Tensor, axis: number, start: number, length: number): TensorPiece {
  const { length: whole, inner } = around(source.shape, axis);
  return { source, length: length * inner, stride: whole * inner, start: start * inner };
}
