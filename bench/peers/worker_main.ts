import { nodePlatform } from '../../engine/gpu/node.ts';
import { politely } from '../../engine/gpu/wait.ts';
import type { Contender, PreparedWork } from './contender.ts';
import type { Answer, ContenderId, Question } from './messages.ts';
import { offerGpu } from './navigator.ts';
import { makeInputs } from './works.ts';

const [id, adapter] = process.argv.slice(2) as [ContenderId, string?];
const platform = nodePlatform();

/** Packages are loaded only where they run. */
const openers: Record<ContenderId, () => Promise<Contender>> = {
  ours: async () => (await import('../model/contender.ts')).openOurs(platform, adapter),
  'jax-js': async () => {
    await offerGpu(platform, adapter);
    // it calls map and filter of iterators, which Node 20 has not got
    await import('core-js/actual/iterator/index.js');
    return (await import('./jax.ts')).openJax();
  },
  tfjs: async () => {
    await offerGpu(platform, adapter);
    return (await import('./tfjs.ts')).openTfjs();
  },
  'onnxruntime-webgpu': async () => (await import('./onnxruntime.ts')).openOnnxruntime('webgpu'),
  'onnxruntime-cpu': async () => (await import('./onnxruntime.ts')).openOnnxruntime('cpu'),
};

let contender: Promise<Contender> | undefined;
let prepared: PreparedWork | undefined;

async function answer(question: Question): Promise<Answer> {
  switch (question.ask) {
    case 'prepare': {
      contender ??= openers[id]();
      const inputs = makeInputs(question.work);
      const ready = await politely(contender);
      const start = performance.now();
      prepared = await politely(ready.prepare(question.work, inputs));
      const outputs = await politely(prepared.outputs());
      const firstMs = performance.now() - start;
      return { value: { outputs, firstMs, note: prepared.note ?? null } };
    }
    case 'run': {
      const start = performance.now();
      await politely(prepared!.run(question.count));
      return { value: { ms: performance.now() - start } };
    }
    case 'release':
      await prepared?.release();
      prepared = undefined;
      return { value: null };
  }
}

process.on('message', (question: Question) => {
  answer(question).then(
    (reply) => process.send!(reply),
    (error: Error) => process.send!({ reason: error.message || String(error) }),
  );
});
process.on('disconnect', () => process.exit());
