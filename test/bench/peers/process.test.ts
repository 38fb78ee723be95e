import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContenderId } from '../../../bench/peers/messages.ts';
import { ContenderProcess } from '../../../bench/peers/process.ts';
import { race } from '../../../bench/peers/race.ts';
import { Truth } from '../../../bench/peers/truth.ts';
import { type BlockWork, makeInputs } from '../../../bench/peers/works.ts';
import { rejectionOf } from '../../support/error_of.ts';

const test = suite('peers: processes');
const work: BlockWork = { kind: 'block', name: 'tiny', tokens: 9, heads: 2, headDim: 4, result: 'weights' };

test('our own process computes a block, also after it was stopped', async () => {
  const ours = new ContenderProcess('ours', 'ours', undefined);
  try {
    for (let i = 0; i < 2; i++) {
      const [row] = await race(work, [ours], new Truth().of(work, makeInputs(work)), 5);
      assert.is(row.reason, null);
      assert.ok(row.maxError! < 1e-5, `error ${row.maxError}`);
      assert.ok(row.ms! > 0);
      ours.stop();
    }
  } finally {
    ours.stop();
  }
});

test('a process that ends while it is asked is a reason', async () => {
  const ours = new ContenderProcess('ours', 'ours', undefined);
  const asked = rejectionOf(Error, () => ours.prepare(work));
  ours.stop();
  assert.match((await asked).message, /^its process ended with SIGKILL/);
});

test('an unknown contender is a reason, not a crash', async () => {
  const nobody = new ContenderProcess('nobody' as ContenderId, 'nobody', undefined);
  try {
    assert.match((await rejectionOf(Error, () => nobody.prepare(work))).message, /is not a function/);
  } finally {
    nobody.stop();
  }
});

test.run();
