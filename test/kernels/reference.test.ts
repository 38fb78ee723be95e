import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkKernel, makeProblem, type Problem } from '../../engine/gpu/check.ts';
import type { Gpu } from '../../engine/gpu/context.ts';
import type { Choice } from '../../engine/gpu/tiles.ts';
import { catalogue } from '../../kernels/catalogue.ts';
import { type AnyKernel, aliasesOf, type Dims, tilesOf } from '../../kernels/kernel.ts';
import { openGpu } from '../support/device.ts';

/** Above this many operations a case runs with the adapter's tile only: its float64 reference takes seconds. */
const EVERY_TILE_FLOPS = 2e7;

/**
 * Every kernel x case x variant x tile against its float64 reference, and the small cases of each kernel that
 * can store f16 in every variant, where the adapter can. `KERNEL=name` narrows it to the kernels whose name begins so.
 */
const test = suite('kernels');
let gpu: Gpu;
test.before(async () => {
  gpu = await openGpu();
});
test.after(() => gpu.close());

for (const kernel of catalogue) {
  if (!kernel.name.startsWith(process.env.KERNEL ?? '')) continue;
  for (const [name, dims] of Object.entries(kernel.cases)) {
    test(`${kernel.name} ${name}`, () => check(kernel, dims as Dims));
  }
  if (aliasesOf(kernel).length > 0) {
    for (const [name, dims] of smallCases(kernel)) {
      test(`${kernel.name} ${name} in f16`, async () => {
        if (!gpu.device.facts.f16) return;
        const problem = makeProblem(kernel, dims, 'f16');
        for (const variant of gpu.tiles.fitting(kernel, dims)) {
          const [first] = tilesOf(variant);
          for (const tile of new Set([first, variant.hardware ?? first]))
            await compare(problem, { variant, tile });
        }
      });
    }
  }
}

/** The odd cases, or else the cheapest one. */
function smallCases(kernel: AnyKernel): [string, Dims][] {
  const cases = Object.entries<Dims>(kernel.cases);
  const cost = ([, dims]: [string, Dims]): number => kernel.cost(dims).bytes;
  const odd = cases.filter(([name]) => name.startsWith('odd'));
  return odd.length > 0 ? odd : cases.sort((a, b) => cost(a) - cost(b)).slice(0, 1);
}

async function check(kernel: AnyKernel, dims: Dims): Promise<void> {
  const problem = makeProblem(kernel, dims);
  const large = kernel.cost(dims).flops > EVERY_TILE_FLOPS;
  const fitting = gpu.tiles.fitting(kernel, dims);
  assert.ok(fitting.length > 0, 'no variant fits this adapter');
  for (const variant of fitting) {
    for (const tile of large ? [gpu.tiles.untunedTile(variant)] : tilesOf(variant)) {
      await compare(problem, { variant, tile });
    }
  }
}

async function compare(problem: Problem, choice: Choice): Promise<void> {
  for (const { buffer, error, allowed, ok } of await checkKernel(gpu, problem, choice)) {
    const where = `${buffer} with ${choice.variant.name} ${JSON.stringify(choice.tile)}`;
    assert.ok(ok, `${where}: error ${error.toExponential(2)}, allowed ${allowed}`);
  }
}

test.run();
