import { type Dims, flatGrid, type Grid, type Tile } from '../kernel.ts';

/**
 * How elementwise kernels share out their work: PER_THREAD vec4 for each thread. They read and write whole vec4s,
 * because buffers from the pool are multiples of 256 bytes: the padding behind the last element exists and nobody
 * reads it. CPUs want few threads with much to do, GPUs many.
 */
export const walkTiles = {
  tiles: [
    { WG: 32, PER_THREAD: 16 },
    { WG: 64, PER_THREAD: 4 },
  ],
  hardware: { WG: 64, PER_THREAD: 4 },
} as const;

/** The workgroups that walk over `elements` elements with a {@link walkTiles}. */
export function walkGrid(elements: number, tile: Tile): Grid {
  return flatGrid(elements / (4 * tile.WG * tile.PER_THREAD));
}

/** {@link walkGrid} for kernels whose output has `count` elements. */
export function countGrid(dims: Dims, tile: Tile): Grid {
  return walkGrid(dims.count, tile);
}
