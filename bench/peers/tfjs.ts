import * as tf from '@tensorflow/tfjs';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { CannotRun, type Contender, type PreparedWork } from './contender.ts';
import { derivedBy, headsFirst, inputsForPeers, outputsOfPeers, tokensFirst } from './layouts.ts';
import { type Arrays, type BlockWork, EPSILON, QUICK, type Work } from './works.ts';

type Tensors = Record<string, tf.Tensor>;

/** TensorFlow.js with its WebGPU backend, which is registered only where `navigator.gpu` is there when it loads. */
export async function openTfjs(): Promise<Contender> {
  await import('@tensorflow/tfjs-backend-webgpu');
  tf.enableProdMode();
  if (!(await tf.setBackend('webgpu'))) throw new CannotRun('its WebGPU backend does not start here');
  await tf.ready();
  const backend = tf.backend() as WebGPUBackend;
  return { prepare: (work, inputs) => prepare(backend, work, inputs) };
}

async function prepare(backend: WebGPUBackend, work: Work, inputs: Arrays): Promise<PreparedWork> {
  const tensors: Tensors = {};
  for (const [name, { values, shape }] of Object.entries(inputsForPeers(work, inputs))) {
    tensors[name] =
      work.kind === 'attention'
        ? tf.tensor(headsFirst(values, work.tokens, work.heads), [work.heads, work.tokens, work.headDim])
        : tf.tensor(values, shape);
  }
  const compute = functionOf(work);
  const call = (): Tensors => tf.tidy(() => compute(tensors));
  return {
    async run(count) {
      for (let i = 0; i < count; i++) tf.dispose(call());
      // tfjs submits when enough is collected or something is read; here the rest is submitted and nothing read
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      backend.submitQueue();
      await backend.device.queue.onSubmittedWorkDone();
    },
    async outputs() {
      const outputs: Arrays = {};
      const found = call();
      for (const [name, tensor] of Object.entries(found)) outputs[name] = await tensor.data();
      tf.dispose(found);
      if (work.kind === 'attention') outputs.y = tokensFirst(outputs.y, work.tokens, work.heads);
      return outputsOfPeers(work, outputs);
    },
    release: () => tf.dispose(tensors),
  };
}

function functionOf(work: Work): (tensors: Tensors) => Tensors {
  switch (work.kind) {
    case 'matmul':
      return ({ a, b }) => ({ y: a.matMul(b, work.layout === 'TN', work.layout === 'NT') });
    case 'attention':
      return ({ q, k, v }) => ({ y: attention(q, k, v) });
    case 'layernorm':
      return ({ x, gamma, beta }) => ({ y: layernorm(x, gamma, beta) });
    case 'block': {
      if (work.result === 'output') return (tensors) => ({ y: block(work, tensors) });
      const names = derivedBy(work);
      return ({ g, ...tensors }) => {
        const derive = tf.grads((...values) => {
          const by = Object.fromEntries(names.map((name, i) => [name, values[i]]));
          return block(work, { ...tensors, ...by })
            .mul(g)
            .sum();
        });
        const found = derive(names.map((name) => tensors[name]));
        return Object.fromEntries(names.map((name, i) => [name, found[i]]));
      };
    }
  }
}

function block({ tokens, heads, headDim }: BlockWork, { x, ...weights }: Tensors): tf.Tensor {
  const norm = (input: tf.Tensor, name: string) =>
    layernorm(input, weights[`${name}.weight`], weights[`${name}.bias`]);
  const linear = (input: tf.Tensor, name: string) =>
    tf.fused.matMul({ a: input, b: weights[`${name}weight`], bias: weights[`${name}bias`] });
  const [q, k, v] = tf
    .split(linear(norm(x, 'ln_1'), 'attn.in_proj_'), 3, -1)
    .map((part) => part.reshape([tokens, heads, headDim]).transpose([1, 0, 2]));
  const mixed = attention(q, k, v)
    .transpose([1, 0, 2])
    .reshape([tokens, heads * headDim]);
  const attended = x.add(linear(mixed, 'attn.out_proj.'));
  const hidden = linear(norm(attended, 'ln_2'), 'mlp.c_fc.');
  const active = hidden.mul(hidden.mul(tf.scalar(QUICK)).sigmoid());
  return attended.add(linear(active, 'mlp.c_proj.'));
}

/** Of (heads, tokens, size). */
function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor {
  const scale = tf.scalar(1 / Math.sqrt(q.shape[2]));
  return q.mul(scale).matMul(k, false, true).softmax(-1).matMul(v);
}

function layernorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const centred = x.sub(x.mean(-1, true));
  const variance = centred.square().mean(-1, true);
  return centred
    .mul(variance.add(tf.scalar(EPSILON)).rsqrt())
    .mul(gamma)
    .add(beta);
}
