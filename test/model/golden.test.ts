import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
import { matmulOuter } from '../../kernels/matmul/outer.ts';
import { checkFixture, fixturesIn } from '../golden_check/run.ts';
import { openEngine } from '../support/device.ts';
import { goldenPath } from '../support/paths.ts';

/** Every fixture in `test/golden`, as `npm run test:golden` runs them. */
const test = suite('golden');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

const stems = fixturesIn(goldenPath());

test('all fixtures are there', () => {
  assert.is(stems.length, 7);
});

for (const stem of stems) {
  test(stem.slice(stem.lastIndexOf('/') + 1), async () => {
    const { all, failures } = await checkFixture(engine, stem);
    assert.ok(all.length > 0, 'nothing was compared');
    assert.equal(failures, []);
  });
}

// what a GPU runs with differs from the choices for software adapters in kernels, tiles and the room for scores
for (const [precision, names] of [
  ['f32', ['micro_ops', 'v2_transductive']],
  ['f16', ['v3_ignored_and_novel']],
] as const) {
  test(`${names.join(' and ')} in ${precision} with the choices for GPUs`, async () => {
    if (precision === 'f16' && !engine.gpu.device.facts.f16) return;
    const other = await openEngine({ precision });
    try {
      const { device, tiles } = other.gpu;
      Object.assign(device.facts, { software: false });
      assert.equal(
        tiles.fitting(matmulOuter).map(({ name }) => name),
        ['plain'],
      );
      for (const name of names) {
        const { all, failures } = await checkFixture(other, goldenPath(name));
        assert.ok(all.length > 0, 'nothing was compared');
        assert.equal(failures, []);
      }
    } finally {
      await other.close();
    }
  });
}

test.run();
