import type { Engine } from './engine.ts';
import { ShapeError } from './errors.ts';
import type { Place } from './gpu/commands.ts';
import { bytesOf, type Dtype, product, type Shape, show } from './shape.ts';
import { Tensor } from './tensor.ts';

/** Every adapter lets a storage binding begin at a multiple of 256 bytes. */
const PART_BYTES = 256;

/** Bytes of a tensor with the space up to where the next binding can begin. */
function partBytes(shape: Shape, dtype: Dtype): number {
  return Math.max(1, Math.ceil(bytesOf(shape, dtype) / PART_BYTES)) * PART_BYTES;
}

/** Whether {@link part} can begin at an element: bindings begin at multiples of 256 bytes. */
export function isPartStart(tensor: Tensor, start: number): boolean {
  return (tensor.storage.memory.offset + bytesOf([start], tensor.dtype)) % PART_BYTES === 0;
}

/**
 * The elements from `start` on under a shape, without a copy; not differentiable itself.
 * @throws ShapeError when they are not inside the tensor, or do not begin where {@link isPartStart} says.
 */
export function part(engine: Engine, tensor: Tensor, start: number, shape: Shape): Tensor {
  const size = product(shape);
  if (!isPartStart(tensor, start) || start + size > tensor.size) {
    throw new ShapeError(
      `${engine.where('part')}: ${size} elements from ${start} on of ${show(tensor.shape)}`,
    );
  }
  const { storage, dtype } = tensor;
  const offset = bytesOf([start], dtype);
  const capacity = Math.min(partBytes([size], dtype), storage.memory.capacity - offset);
  return engine.scopes.adopt(new Tensor(storage.part(offset, capacity), shape, dtype));
}

/**
 * Moves f32 tensors side by side into one buffer, in this order, so that one dispatch can take them all. The
 * buffer lives as long as one of them stays in it.
 * @returns all of it, with zeros between the tensors, and where each of them begins.
 */
export function pack(engine: Engine, tensors: readonly Tensor[]): { whole: Tensor; starts: number[] } {
  const { recorder } = engine.gpu;
  const starts: number[] = [];
  let size = 0;
  for (const { shape } of tensors) {
    starts.push(size);
    size += partBytes(shape, 'f32') / 4;
  }
  const storage = engine.allocate([size], 'f32');
  const { memory } = storage;
  recorder.clear(memory, memory.capacity);
  tensors.forEach(({ storage: own, shape }, i) => {
    const offset = 4 * starts[i];
    recorder.copy(own.memory, { ...memory, offset }, bytesOf(shape, 'f32'));
    own.moveInto(storage, offset, partBytes(shape, 'f32'));
  });
  return { whole: new Tensor(storage, [size], 'f32'), starts };
}

/**
 * Overwrites `count` elements of a tensor with those of another one, in recording order: a command, no dispatch.
 * @param range where the elements begin in either; all of them by default. Both bytes and places are multiples of 4.
 * @throws ShapeError when they do not fit.
 */
export function copyRange(
  engine: Engine,
  from: Tensor,
  to: Tensor,
  range = { from: 0, to: 0, count: from.size },
): void {
  const { dtype } = from;
  const fits = range.from + range.count <= from.size && range.to + range.count <= to.size;
  if (!fits || dtype !== to.dtype) {
    const [source, target] = [from, to].map((tensor) => `${tensor.dtype} ${show(tensor.shape)}`);
    throw new ShapeError(`${engine.where('copy')}: ${range.count} elements of ${source} to ${target}`);
  }
  engine.gpu.recorder.copy(placeOf(from, range.from), placeOf(to, range.to), bytesOf([range.count], dtype));
}

/** Overwrites elements of a tensor with zeros, in recording order: a command, no dispatch; see {@link copyRange}. */
export function clearRange(
  engine: Engine,
  tensor: Tensor,
  { from, count } = { from: 0, count: tensor.size },
): void {
  engine.gpu.recorder.clear(placeOf(tensor, from), bytesOf([count], tensor.dtype));
}

/** Where an element of a tensor lies. */
function placeOf({ storage: { memory }, dtype }: Tensor, element: number): Place {
  return { buffer: memory.buffer, offset: memory.offset + bytesOf([element], dtype) };
}
