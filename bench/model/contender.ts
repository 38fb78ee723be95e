import { createEngine } from '../../engine/create.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Platform } from '../../engine/gpu/platform.ts';
import { valueAndGrad } from '../../engine/grad.ts';
import { attention, layernorm, matmul, multiply, sumAll } from '../../engine/ops/index.ts';
import { Parameter, type Tensor } from '../../engine/tensor.ts';
import { clipBlock } from '../../model/block.ts';
import type { Weights } from '../../model/store.ts';
import type { Contender, PreparedWork } from '../peers/contender.ts';
import { derivedBy } from '../peers/layouts.ts';
import { type Arrays, EPSILON, inputShapes, type Work } from '../peers/works.ts';

type Tensors = Record<string, Tensor>;

/** This project, by the operations that the model is made of; a run is a captured step, as in training. */
export async function openOurs(platform: Platform, adapter: string | undefined): Promise<Contender> {
  const engine = await createEngine(platform, { adapter });
  return {
    async prepare(work, inputs): Promise<PreparedWork> {
      const tensors = upload(engine, work, inputs);
      const compute = (): Tensors => outputsOf(engine, work, tensors);
      const captured = engine.capture(() => void compute());
      return {
        async run(count) {
          for (let i = 0; i < count; i++) captured.submit();
          await engine.settle();
        },
        outputs: () => engine.fetch(compute) as Promise<Arrays>,
        release() {
          captured.release();
          for (const tensor of Object.values(tensors)) tensor.dispose();
        },
      };
    },
  };
}

/** What gradients are taken by is trainable, other weights of the block are frozen. */
function upload(engine: Engine, work: Work, inputs: Arrays): Tensors {
  const by = work.kind === 'block' ? derivedBy(work) : [];
  const entries = Object.entries(inputShapes(work)).map(([name, shape]) => {
    const values = inputs[name];
    const placed = work.kind === 'block' && (name === 'x' || name === 'g') ? [1, ...shape] : shape;
    const isParameter = by.includes(name) || name.includes('.');
    const tensor = isParameter
      ? engine.parameter(name, values, placed, by.includes(name))
      : engine.tensor(values, placed);
    return [name, tensor] as const;
  });
  return Object.fromEntries(entries);
}

function outputsOf(engine: Engine, work: Work, tensors: Tensors): Tensors {
  switch (work.kind) {
    case 'matmul': {
      const { a, b } = tensors;
      const { layout } = work;
      return { y: matmul({ a, b, transposeA: layout === 'TN', transposeB: layout === 'NT' }) };
    }
    case 'attention': {
      const shape = [1, work.tokens, work.heads * work.headDim];
      const [q, k, v] = [tensors.q, tensors.k, tensors.v].map((x) => engine.view(x, shape));
      return { y: attention({ q, k, v, heads: work.heads }) };
    }
    case 'layernorm': {
      const { x, gamma, beta } = tensors;
      return { y: layernorm({ x, gamma, beta, eps: EPSILON }) };
    }
    case 'block': {
      const { x, g } = tensors;
      const forward = (): Tensor => clipBlock(x, weightsOf(tensors), work.heads);
      if (work.result === 'output') return { y: forward() };
      const by = Object.values(tensors).filter(
        (tensor): tensor is Parameter => tensor instanceof Parameter && tensor.trainable,
      );
      const { grads } = valueAndGrad(engine, by, () => sumAll({ x: multiply({ a: forward(), b: g }) }));
      return Object.fromEntries([...grads].map(([parameter, gradient]) => [parameter.name, gradient]));
    }
  }
}

function weightsOf(tensors: Tensors, prefix = ''): Weights {
  return {
    get: (name) => tensors[`${prefix}${name}`],
    under: (more) => weightsOf(tensors, `${prefix}${more}.`),
  };
}
