import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkKernel, makeProblem } from '../engine/gpu/check.ts';
import type { Gpu } from '../engine/gpu/context.ts';
import { catalogue } from '../kernels/catalogue.ts';
import type { AnyKernel, Dims } from '../kernels/kernel.ts';
import { openGpu } from './device.ts';

/** Above this many operations a case runs with the default tile only: its float64 reference takes seconds. */
const EVERY_TILE_FLOPS = 2e7;

/**
 * Every kernel x case x variant x tile against its float64 reference. `KERNEL=name` narrows it to the kernels
 * whose name begins so.
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
}

async function check(kernel: AnyKernel, dims: Dims): Promise<void> {
  const problem = makeProblem(kernel, dims);
  const large = kernel.cost(dims).flops > EVERY_TILE_FLOPS;
  const fitting = gpu.tiles.fitting(kernel);
  assert.ok(fitting.length > 0, 'no variant fits this adapter');
  for (const variant of fitting) {
    for (const tile of large ? [variant.tile.default] : variant.tile.space) {
      for (const { buffer, error, allowed, ok } of await checkKernel(gpu, problem, { variant, tile })) {
        const where = `${buffer} with ${variant.name} ${JSON.stringify(tile)}`;
        assert.ok(ok, `${where}: error ${error.toExponential(2)}, allowed ${allowed}`);
      }
    }
  }
}

test.run();
