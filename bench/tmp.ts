import { writeFileSync } from 'node:fs';
import { createGpu } from '../engine/gpu/context.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { defineKernel, flatGrid, ceilDiv } from '../kernels/kernel.ts';
import { measure } from './measure.ts';
const mk = (name: string, per: number, body: string) => {
  const code = `const WG: u32 = 64;
struct Dims { vectors: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> dims: Dims;
@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let vectors = dims.vectors;
  let g = group.y * groups.x + group.x;
  ${body}
}`;
  const file = `/tmp/copy_${name}.wgsl`; writeFileSync(file, code);
  return defineKernel({ name, doc: '', source: new URL('file://' + file), dims: { vectors: 'u32' },
    buffers: { x: { access: 'read', dtype: 'f32', shape: (d) => [4 * d.vectors] }, y: { access: 'write', dtype: 'f32', shape: (d) => [4 * d.vectors] } },
    tile: { default: { WG: 8 }, space: [{ WG: 8 }, { WG: 64 }] }, grid: (d, t) => flatGrid(ceilDiv(d.vectors, t.WG * per)),
    cost: (d) => ({ flops: 0, bytes: 32*d.vectors }), cases: {}, tolerance: { f32: 0 }, reference: () => ({}) });
};
const un = (n: number, f: (i: number) => string) => Array.from({ length: n }, (_, i) => f(i)).join('\n');
const ks = [
 mk('guard16', 16, 'let f = g * WG * 16 + local.x; for (var i = 0u; i < 16; i++) { let at = f + i * WG; if (at < vectors) { y[at] = x[at]; } }'),
 mk('free16', 16, 'let f = g * WG * 16 + local.x; if (g * WG * 16 + WG * 16 <= vectors) { for (var i = 0u; i < 16; i++) { y[f + i * WG] = x[f + i * WG]; } }'),
 mk('free64', 64, 'let f = g * WG * 64 + local.x; if (g * WG * 64 + WG * 64 <= vectors) { for (var i = 0u; i < 64; i++) { y[f + i * WG] = x[f + i * WG]; } }'),
 mk('unroll4', 16, `let f = g * WG * 16 + local.x; if (g * WG * 16 + WG * 16 <= vectors) { for (var i = 0u; i < 4; i++) { let b = f + i * 4 * WG; ${un(4, (k) => `let v${k} = x[b + ${k}u * WG];`)} ${un(4, (k) => `y[b + ${k}u * WG] = v${k};`)} } }`),
 mk('contig16', 16, 'let f = (g * WG + local.x) * 16; if (f + 16 <= vectors) { for (var i = 0u; i < 16; i++) { y[f + i] = x[f + i]; } }'),
 mk('read64', 64, 'let f = g * WG * 64 + local.x; var s = vec4f(); if (g * WG * 64 + WG * 64 <= vectors) { for (var i = 0u; i < 64; i++) { s += x[f + i * WG]; } y[g * WG + local.x] = s; }'),
];
const gpu = await createGpu(nodePlatform(), { kernels: ks });
for (const mb of [1, 64]) { const m = [0, 1].map(() => gpu.pool.take(mb * 2 ** 20, 'x'));
 for (const k of ks) for (const WG of [8, 64]) {
 const dims = { vectors: mb * 65536 };
 const p = gpu.pipelines.get(k, k.variants[0], { WG }, 'f32');
 const t = await measure(gpu, () => gpu.recorder.dispatch(p, m, dims, k.variants[0].grid(dims, { WG })), 300);
 const b = (k.name.startsWith('read') ? 1 : 2) * mb * 2 ** 20;
 console.log(mb, k.name, WG, (b / t.minMs / 1e6).toFixed(1), (b / t.ms / 1e6).toFixed(1)); } }
process.exit(0);
