/** How kernels that sum over rows share out their work: a workgroup of COLUMNS x SLICES threads, SLICES of the rows. */
export const sliceTiles = {
  tiles: [
    { COLUMNS: 16, SLICES: 4 },
    { COLUMNS: 8, SLICES: 8 },
    { COLUMNS: 16, SLICES: 16 },
  ],
  hardware: { COLUMNS: 16, SLICES: 16 },
} as const;
