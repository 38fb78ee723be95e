import { defaultDevice, grad, init, type Array as JaxArray, jit, nn, numpy, type Tree } from '@jax-js/jax';
import { CannotRun, type Contender, type PreparedWork } from './contender.ts';
import { derivedBy, inputsForPeers, outputsOfPeers } from './layouts.ts';
import { type Arrays, type BlockWork, EPSILON, QUICK, type Work } from './works.ts';

/** Outputs that are waited for at one time: enough to keep the GPU busy, little enough to be held. */
const WAITING = 16;

/** jax-js: every piece of work is one function under `jit`, as its documentation advises. */
export async function openJax(): Promise<Contender> {
  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new CannotRun('finds no WebGPU device');
  defaultDevice('webgpu');
  return { prepare };
}

async function prepare(work: Work, inputs: Arrays): Promise<PreparedWork> {
  const arrays: Tree = {};
  for (const [name, { values, shape }] of Object.entries(inputsForPeers(work, inputs))) {
    arrays[name] = numpy.array(values, { shape });
  }
  const compute = jit(functionOf(work));
  const by = work.kind === 'block' ? derivedBy(work) : [];
  const call = (): Tree =>
    compute(
      pick(arrays, (name) => by.includes(name)),
      pick(arrays, (name) => !by.includes(name)),
    );
  return {
    async run(count) {
      for (let done = 0; done < count; done += WAITING) {
        // an output that is disposed of before it is waited for would never be computed
        const outputs = Array.from({ length: Math.min(WAITING, count - done) }, call);
        const arrays = outputs.flatMap((tree) => Object.values(tree));
        await Promise.all(arrays.map((array) => array.blockUntilReady()));
        outputs.forEach(dispose);
      }
    },
    async outputs() {
      const outputs: Arrays = {};
      for (const [name, array] of Object.entries(call())) outputs[name] = await array.data();
      return outputsOfPeers(work, outputs);
    },
    release() {
      compute.dispose();
      dispose(arrays);
    },
  };
}

/** What to compile; its first argument holds what the gradients are taken by. */
function functionOf(work: Work): (by: Tree, others: Tree) => Tree {
  switch (work.kind) {
    case 'matmul': {
      const { layout } = work;
      const turn = (x: JaxArray, turned: boolean): JaxArray => (turned ? numpy.transpose(x) : x);
      return (_, { a, b }) => ({ y: numpy.matmul(turn(a, layout === 'TN'), turn(b, layout === 'NT')) });
    }
    case 'attention':
      return (_, { q, k, v }) => ({ y: attention(q, k, v, work.heads) });
    case 'layernorm':
      return (_, { x, gamma, beta }) => ({ y: layernorm(x, gamma, beta) });
    case 'block': {
      if (work.result === 'output') {
        return (_, { g, ...others }) => {
          g.dispose();
          return { y: block(work, others) };
        };
      }
      return grad((by, { g, ...others }) =>
        block(work, { ...by, ...others })
          .mul(g)
          .sum(),
      );
    }
  }
}

function block(work: BlockWork, { x, ...weights }: Tree): JaxArray {
  const norm = (input: JaxArray, name: string) =>
    layernorm(input, weights[`${name}.weight`], weights[`${name}.bias`]);
  const linear = (input: JaxArray, name: string) =>
    numpy.matmul(input, weights[`${name}weight`]).add(weights[`${name}bias`]);
  const [q, k, v] = numpy.split(linear(norm(x.ref, 'ln_1'), 'attn.in_proj_'), 3, -1);
  const attended = x.add(linear(attention(q, k, v, work.heads), 'attn.out_proj.'));
  const hidden = linear(norm(attended.ref, 'ln_2'), 'mlp.c_fc.');
  const active = hidden.ref.mul(nn.sigmoid(hidden.mul(QUICK)));
  return attended.add(linear(active, 'mlp.c_proj.'));
}

function attention(q: JaxArray, k: JaxArray, v: JaxArray, heads: number): JaxArray {
  const [tokens, width] = q.shape;
  const cut = (x: JaxArray): JaxArray => x.reshape([tokens, heads, width / heads]);
  return nn.dotProductAttention(cut(q), cut(k), cut(v)).reshape([tokens, width]);
}

function layernorm(x: JaxArray, gamma: JaxArray, beta: JaxArray): JaxArray {
  return nn.standardize(x, -1, { epsilon: EPSILON }).mul(gamma).add(beta);
}

/** Those of a tree whose names are wanted, as references for a call to use up. */
function pick(tree: Tree, wanted: (name: string) => boolean): Tree {
  const entries = Object.entries(tree).filter(([name]) => wanted(name));
  return Object.fromEntries(entries.map(([name, array]) => [name, array.ref]));
}

function dispose(tree: Tree): void {
  for (const array of Object.values(tree)) array.dispose();
}
