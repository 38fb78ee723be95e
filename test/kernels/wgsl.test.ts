import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Gpu } from '../../engine/gpu/context.ts';
import { catalogue } from '../../kernels/catalogue.ts';
import { type Dims, tilesOf } from '../../kernels/kernel.ts';
import { declarationProblems, specialise } from '../../kernels/specialise.ts';
import { openGpu } from '../support/device.ts';

const test = suite('wgsl');
let gpu: Gpu;
const warnings: string[] = [];
test.before(async () => {
  gpu = await openGpu({ onWarning: (text) => warnings.push(text) });
});
test.after(() => gpu.close());

test('every shader declares what its descriptor says', () => {
  const problems = catalogue.flatMap((kernel) =>
    kernel.variants.flatMap((variant) =>
      declarationProblems(kernel, variant, readFileSync(variant.source, 'utf8')),
    ),
  );
  assert.equal(problems, []);
});

test('every shader compiles without a warning', async () => {
  for (const kernel of catalogue) {
    for (const dims of Object.values<Dims>(kernel.cases)) {
      for (const variant of gpu.tiles.fitting(kernel, dims))
        gpu.pipelines.get(kernel, { variant, tile: tilesOf(variant)[0] }, dims, 'f32');
    }
  }
  await gpu.device.settle();
  assert.equal(warnings, []);
});

test('kernel names are unique and the last variant fits every adapter and takes every size', () => {
  const names = catalogue.map((kernel) => kernel.name);
  assert.equal(names.length, new Set(names).size);
  for (const kernel of catalogue) {
    const { fits, takes } = kernel.variants.at(-1)!;
    assert.equal([fits, takes], [undefined, undefined], kernel.name);
  }
});

test('a constant that the file does not declare is refused', () => {
  assert.throws(() => specialise('const WG: u32 = 8;', { TM: 4 }, 'f32'), /TM is not declared/);
  assert.is(specialise('const WG: u32 = 8;', { WG: 16 }, 'f32'), 'const WG: u32 = 16;');
});

test.run();
