import { defineKernel, type HostArrays } from '../kernel.ts';
import { UNSEEN } from './optimizer.ts';

function reference({ patience, highest }: { patience: number; highest: number }, a: HostArrays): HostArrays {
  const [old] = a.scale;
  const overflow = a.found[0] > 0;
  const [bad, first] = a.health;
  const hopeless = overflow && old <= 1;
  const health = hopeless ? [bad + 1, bad === 0 ? a.state[2] : first] : [bad, first];
  const finite = overflow ? 0 : a.streak[0] + 1;
  const grow = finite >= patience;
  return {
    found: Float64Array.of(0, UNSEEN),
    health: Float64Array.from(health),
    scale: Float64Array.of(Math.max(1, overflow ? old / 2 : grow ? Math.min(highest, 2 * old) : old)),
    streak: Float64Array.of(grow ? 0 : finite),
    divisor: Float64Array.of(old * Math.max(1, a.pairs[0])),
    verdict: Float64Array.of(health[0] + Number(overflow), 0),
  };
}

/** In the cases, a patience of 3 stands for an overflow, 4 for one at scale 1, and 5 ends a streak of four. */
export const lossScale = defineKernel({
  name: 'optimizer.loss_scale',
  doc: 'Dynamic loss scaling: skips steps that overflow. Micikevicius et al. 2018, arXiv:1710.03740.',
  source: new URL('loss_scale.wgsl', import.meta.url),
  dims: { patience: 'u32', highest: 'f32' },
  buffers: {
    pairs: { access: 'read', dtype: 'f32', shape: () => [1], input: (d) => [d.patience === 5 ? 0 : 3] },
    state: { access: 'read', dtype: 'u32', shape: () => [4], input: () => [1, 2, 16, 0] },
    found: {
      access: 'read_write',
      dtype: 'u32',
      shape: () => [2],
      input: (d) => (d.patience < 5 ? [7, 2] : [0, UNSEEN]),
    },
    health: { access: 'read_write', dtype: 'u32', shape: () => [2], input: () => [0, 0] },
    scale: {
      access: 'read_write',
      dtype: 'f32',
      shape: () => [1],
      input: (d) => [d.patience === 4 ? 1 : 4096],
    },
    streak: { access: 'read_write', dtype: 'u32', shape: () => [1], input: () => [4] },
    divisor: { access: 'write', dtype: 'f32', shape: () => [1] },
    verdict: { access: 'write', dtype: 'u32', shape: () => [2] },
  },
  grid: () => [1, 1, 1],
  cost: () => ({ flops: 0, bytes: 72 }),
  cases: {
    overflow: { patience: 3, highest: 2 ** 24 },
    'overflow at scale 1': { patience: 4, highest: 2 ** 24 },
    growth: { patience: 5, highest: 2 ** 24 },
    'no growth beyond the highest': { patience: 5, highest: 4096 },
    'odd, finite': { patience: 2000, highest: 2 ** 24 },
  },
  tolerance: 0,
  reference,
});
