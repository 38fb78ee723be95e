import * as ort from 'onnxruntime-node';
import { worstError } from '../../engine/gpu/run.ts';
import { CannotRun, type Contender, type PreparedWork } from './contender.ts';
import { type Shaped, tokensFirst } from './layouts.ts';
import { encodeOnnx } from './onnx.ts';
import { graphOf, PROBE } from './onnx_graphs.ts';
import type { Arrays, Work } from './works.ts';

/** onnxruntime's own Dawn, or its CPU kernels on as many threads as there are cores. */
export type Provider = 'webgpu' | 'cpu';

/** Threads that wait by spinning would slow the others down: those of the next contender, too. */
const POLITE = { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } };
/** Providers differ by rounding only, unless one is wrong. */
const ROUNDING = 1e-4;

export function openOnnxruntime(provider: Provider): Contender {
  if (!ort.listSupportedBackends().some(({ name }) => name === provider)) {
    throw new CannotRun(`has no ${provider} provider on this platform`);
  }
  return { prepare: (work, inputs) => prepare(provider, work, inputs) };
}

/**
 * The fused attention of the WebGPU provider counts on sizes of subgroups that not every adapter has. So it is
 * compared with that of the CPU first, and attention without it is built where it is wrong.
 */
async function prepare(provider: Provider, work: Work, inputs: Arrays): Promise<PreparedWork> {
  const fused = await build(provider, work, inputs, true);
  if (provider === 'cpu' || !('heads' in work)) return fused;
  const check = await build('cpu', work, inputs, true);
  const [found, expected] = [await fused.outputs(), await check.outputs()];
  await check.release();
  if (worstError(Float64Array.from(found.y), Float64Array.from(expected.y)) < ROUNDING) return fused;
  await fused.release();
  const plain = await build(provider, work, inputs, false);
  return { ...plain, note: 'unfused: its fused attention is wrong on this adapter' };
}

async function build(provider: Provider, work: Work, inputs: Arrays, fused: boolean): Promise<PreparedWork> {
  const made = graphOf(work, inputs, fused);
  if (made === undefined) throw new CannotRun('computes no gradients');
  const options = { executionProviders: [provider], extra: POLITE };
  const session = await ort.InferenceSession.create(encodeOnnx(made.graph), options);
  const feeds: Record<string, ort.OnnxTensor> = {};
  const sessions = [session];
  for (const [name, shaped] of Object.entries(made.feeds)) {
    feeds[name] = await upload(provider, shaped, sessions);
  }
  return {
    async run(count) {
      for (let i = 0; i < count; i++) await session.run(feeds, [PROBE]);
    },
    async outputs(): Promise<Arrays> {
      const fetched = await session.run(feeds, ['y']);
      const y = Float32Array.from(fetched.y.data);
      return { y: work.kind === 'attention' && !fused ? tokensFirst(y, work.tokens, work.heads) : y };
    },
    async release() {
      for (const tensor of Object.values(feeds)) tensor.dispose();
      for (const each of sessions) await each.release();
    },
  };
}

/**
 * An input where the provider computes: a graph that only copies leaves its output on the GPU.
 * @param sessions receives the session that owns it and must outlive it.
 */
async function upload(
  provider: Provider,
  { values, shape }: Shaped,
  sessions: ort.InferenceSession[],
): Promise<ort.OnnxTensor> {
  const tensor = new ort.Tensor('float32', values, shape);
  if (provider === 'cpu') return tensor;
  const copy = encodeOnnx({
    inputs: [{ name: 'x', shape }],
    outputs: [{ name: 'y', shape }],
    constants: [],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
  });
  const session = await ort.InferenceSession.create(copy, {
    executionProviders: [provider],
    preferredOutputLocation: 'gpu-buffer',
  });
  sessions.push(session);
  return (await session.run({ x: tensor })).y;
}
