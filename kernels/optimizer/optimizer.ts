import { defineKernel, flatGrid, type HostArrays } from '../kernel.ts';

const at = (file: string): URL => new URL(file, import.meta.url);
/** The place of the first value that is not finite, while there is none. */
export const UNSEEN = 0xffffffff;

interface AdamwDims {
  count: number;
  group: number;
  beta1: number;
  beta2: number;
  eps: number;
  weight_decay: number;
}

function adamwReference(d: AdamwDims, a: HostArrays): HostArrays {
  const [p, m, v] = [a.p.slice(), a.m.slice(), a.v.slice()];
  const rate = a.schedule[2 + d.group];
  for (let i = 0; i < d.count && a.health[0] === 0; i++) {
    const g = a.grad[i] / Math.max(1, a.divisor[0]);
    m[i] = d.beta1 * m[i] + (1 - d.beta1) * g;
    v[i] = d.beta2 * v[i] + (1 - d.beta2) * g * g;
    p[i] *= 1 - rate * d.weight_decay;
    p[i] -= (rate * (m[i] / a.schedule[0])) / (Math.sqrt(v[i] / a.schedule[1]) + d.eps);
  }
  return { p, m, v };
}

const settings = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 };

export const adamw = defineKernel({
  name: 'optimizer.adamw',
  doc: 'Fused AdamW step with decoupled weight decay. Loshchilov & Hutter 2019, arXiv:1711.05101.',
  source: at('adamw.wgsl'),
  dims: { count: 'u32', group: 'u32', beta1: 'f32', beta2: 'f32', eps: 'f32', weight_decay: 'f32' },
  buffers: {
    grad: { access: 'read', dtype: 'f32', shape: (d) => [d.count] },
    schedule: {
      access: 'read',
      dtype: 'f32',
      shape: (d) => [3 + d.group],
      input: (d) => [0.271, 0.002997, ...new Array(d.group + 1).fill(0).map((_, i) => 2e-3 / (i + 1))],
    },
    divisor: { access: 'read', dtype: 'f32', shape: () => [1], input: () => [3] },
    health: { access: 'read', dtype: 'u32', shape: () => [2], input: (d) => [d.count === 5 ? 1 : 0, 0] },
    p: { access: 'read_write', dtype: 'f32', shape: (d) => [d.count] },
    m: { access: 'read_write', dtype: 'f32', shape: (d) => [d.count] },
    v: {
      access: 'read_write',
      dtype: 'f32',
      shape: (d) => [d.count],
      input: (d, random) => Float32Array.from({ length: d.count }, () => random() ** 4),
    },
  },
  tiles: [
    { WG: 64, PER_THREAD: 16 },
    { WG: 32, PER_THREAD: 4 },
  ],
  grid: (d, t) => flatGrid(d.count / (4 * t.WG * t.PER_THREAD)),
  cost: (d) => ({ flops: 14 * d.count, bytes: 28 * d.count }),
  cases: {
    'decoder ffn': { count: 512 * 2048, group: 1, ...settings },
    odd: { count: 1021, group: 0, ...settings },
    'after a bad loss': { count: 5, group: 2, ...settings },
  },
  // beta2 in f32 is off by 1e-8 of 1 - beta2 = 1e-3: 1e-5 in the new part of v
  tolerance: 1e-5,
  reference: adamwReference,
});

export const stepLog = defineKernel({
  name: 'optimizer.step_log',
  doc: 'Files the loss of a step in a ring on the GPU and notes steps whose loss is not finite.',
  source: at('step_log.wgsl'),
  dims: { rows: 'u32' },
  buffers: {
    loss: {
      access: 'read',
      dtype: 'u32',
      shape: () => [4],
      input: (d) => (d.rows === 7 ? [1, 0x7f800000, 3, 4] : [1, 2, 3, 4]),
    },
    state: { access: 'read', dtype: 'u32', shape: () => [4], input: () => [1, 2, 16, 0] },
    ring: {
      access: 'read_write',
      dtype: 'u32',
      shape: (d) => [d.rows, 4],
      input: (d) => Uint32Array.from({ length: d.rows * 4 }, (_, i) => i),
    },
    health: { access: 'read_write', dtype: 'u32', shape: () => [2], input: () => [0, 0] },
  },
  grid: () => [1, 1, 1],
  cost: () => ({ flops: 0, bytes: 56 }),
  cases: { usual: { rows: 10 }, 'not finite': { rows: 7 }, odd: { rows: 1 } },
  tolerance: 0,
  reference: (d, a) => {
    const ring = a.ring.slice();
    const health = a.health.slice();
    ring.set(a.loss, (a.state[2] % d.rows) * 4);
    if (a.loss.some((bits) => (bits & 0x7f800000) === 0x7f800000)) {
      if (health[0] === 0) health[1] = a.state[2];
      health[0]++;
    }
    return { ring, health };
  },
});

export const finite = defineKernel({
  name: 'optimizer.finite',
  doc: 'Counts NaN and infinite elements from their bits.',
  source: at('finite.wgsl'),
  dims: { count: 'u32' },
  buffers: {
    x: {
      access: 'read',
      dtype: 'u32',
      shape: (d) => [d.count],
      input: (d, random) =>
        Uint32Array.from({ length: d.count }, (_, i) =>
          i % 97 === 13 ? 0x7fc00000 : Math.floor(random() * 0x7f800000),
        ),
    },
    found: { access: 'read_write', dtype: 'u32', shape: () => [2], input: () => [0, UNSEEN] },
  },
  tiles: [
    { WG: 64, PER_THREAD: 16 },
    { WG: 8, PER_THREAD: 2 },
  ],
  grid: (d, t) => flatGrid(d.count / (4 * t.WG * t.PER_THREAD)),
  cost: (d) => ({ flops: 0, bytes: 4 * d.count }),
  cases: { 'vit-b16@512': { count: 1035 * 768 }, odd: { count: 1021 }, none: { count: 11 } },
  tolerance: 0,
  reference: (_, { x, found }) => {
    const bad = [...x.keys()].filter((i) => (x[i] & 0x7f800000) === 0x7f800000);
    return { found: Float64Array.from([found[0] + bad.length, Math.min(found[1], bad[0] ?? UNSEEN)]) };
  },
});
