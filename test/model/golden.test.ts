import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../engine/engine.ts';
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

test.run();
