import { ceilDiv, type Dims, flatGrid, softwareSubgroups, type Variant } from '../kernel.ts';

/** The least that a kernel over rows knows. */
interface RowDims extends Dims {
  rows: number;
}

/**
 * The variants of a kernel that reduces along each row: first one for software adapters with subgroups of
 * eight lanes, four rows to a workgroup; last the readable one, a workgroup to a row.
 */
export function rowVariants<D extends RowDims>(subgroup: URL, plain: URL): readonly Variant<D>[] {
  return [
    {
      name: 'subgroup',
      source: subgroup,
      helpers: [new URL('subgroup_sum.wgsl', import.meta.url)],
      fits: softwareSubgroups,
      grid: (d) => flatGrid(ceilDiv(d.rows, 4)),
    },
    {
      name: 'plain',
      source: plain,
      helpers: [new URL('workgroup_sum.wgsl', import.meta.url)],
      tiles: [{ WG: 64 }, { WG: 32 }, { WG: 128 }],
      grid: (d) => flatGrid(d.rows),
    },
  ];
}
