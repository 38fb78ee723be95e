import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AnyKernel, ceilDiv, defineKernel } from '../../kernels/kernel.ts';

/** A folder of its own for the files of a test, as a URL that ends in a slash. */
export function makeFolder(): URL {
  return pathToFileURL(`${mkdtempSync(join(tmpdir(), 'cascade-bench-'))}/`);
}

export interface DoubleOptions {
  /** The shader's one statement. */
  statement?: string;
  /** What the reference multiplies by. */
  factor?: number;
  dims?: string;
}

/** A kernel y = 2 x whose shader is written to `folder`; options make it wrong in one place. */
export function double(
  folder: URL,
  name: string,
  { statement = 'y[i] = 2.0 * x[i];', factor = 2, dims = 'count: u32' }: DoubleOptions = {},
): AnyKernel {
  const source = new URL(`${name}.wgsl`, folder);
  writeFileSync(
    source,
    `// y = 2 x, a thread for each element.
const WG: u32 = 64;
struct Dims { ${dims} }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> dims: Dims;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= dims.count) { return; }
  ${statement}
}
`,
  );
  const at = (threads: number) => ({ WG: threads });
  return defineKernel({
    name,
    doc: 'y = 2 x.',
    dims: { count: 'u32' },
    buffers: {
      x: { access: 'read', dtype: 'f32', shape: (d) => [d.count] },
      y: { access: 'write', dtype: 'f32', shape: (d) => [d.count] },
    },
    variants: [
      {
        name: 'few',
        source,
        fits: (facts) => facts.maxWorkgroupSize < 1,
        tiles: [at(1)],
        grid: (d) => [d.count, 1, 1],
      },
      {
        name: 'plain',
        source,
        tiles: [at(64), at(32)],
        grid: (d, t) => [ceilDiv(d.count, t.WG), 1, 1],
      },
    ],
    cases: { small: { count: 64 }, odd: { count: 77 } },
    cost: (d) => ({ flops: d.count, bytes: 8 * d.count }),
    tolerance: 1e-6,
    reference: (_, { x }) => ({ y: x.map((v) => factor * v) }),
  });
}
