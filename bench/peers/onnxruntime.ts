import * as ort from 'onnxruntime-node';
import { CannotRun, type Contender, type Prepared } from './contender.ts';
import type { Shaped } from './layouts.ts';
import { encodeOnnx } from './onnx.ts';
import { graphOf, PROBE } from './onnx_graphs.ts';
import type { Arrays, Work } from './works.ts';

/** onnxruntime's own Dawn, or its CPU kernels on as many threads as there are cores. */
export type Provider = 'webgpu' | 'cpu';

/** Threads that wait by spinning would slow the others down: those of the next contender, too. */
const POLITE = { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } };

export function openOnnxruntime(provider: Provider): Contender {
  if (!ort.listSupportedBackends().some(({ name }) => name === provider)) {
    throw new CannotRun(`has no ${provider} provider on this platform`);
  }
  return { prepare: (work, inputs) => prepare(provider, work, inputs) };
}

async function prepare(provider: Provider, work: Work, inputs: Arrays): Promise<Prepared> {
  const made = graphOf(work, inputs);
  if (made === undefined) throw new CannotRun('computes no gradients');
  const options = { executionProviders: [provider], extra: POLITE };
  const session = await ort.InferenceSession.create(encodeOnnx(made.graph), options);
  const feeds: Record<string, ort.OnnxTensor> = {};
  for (const [name, shaped] of Object.entries(made.feeds)) feeds[name] = await upload(provider, shaped);
  return {
    async run(count) {
      for (let i = 0; i < count; i++) await session.run(feeds, [PROBE]);
    },
    async outputs(): Promise<Arrays> {
      const { y } = await session.run(feeds, ['y']);
      return { y: Float32Array.from(y.data) };
    },
    async release() {
      for (const tensor of Object.values(feeds)) tensor.dispose();
      await session.release();
    },
  };
}

/** An input where the provider computes: a graph that only copies leaves its output on the GPU. */
async function upload(provider: Provider, { values, shape }: Shaped): Promise<ort.OnnxTensor> {
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
  const { y } = await session.run({ x: tensor });
  return y;
}
