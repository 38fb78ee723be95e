import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { localPool, type Pool, threadPool } from '../../../train/threads/pool.ts';
import { prefetched } from '../../../train/threads/prefetch.ts';
import { rejectionOf } from '../../support/error_of.ts';

const test = suite('threads');
const module = new URL('./dying_work.ts', import.meta.url).href;

/** Messages of the errors that so many requests of a pool end with, as far as they do end. */
async function endsOf(pool: Pool<never>, requests: number): Promise<string[]> {
  const ends = new Array<string>(requests).fill('forgotten');
  const all = ends.map(async (_, index) => {
    ends[index] = (await rejectionOf(Error, () => pool.run(index))).message;
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, 10_000);
  });
  await Promise.race([Promise.all(all), late]);
  clearTimeout(timer);
  return ends;
}

for (const [setup, message] of [
  ['exits', 'a thread that prepares data ended with code 3'],
  ['throws', 'thrown outside of a request'],
] as const) {
  test(`a thread that ${setup} rejects its request, those that wait and those that come later`, async () => {
    const pool = threadPool<never>({ module, setup }, 1);
    assert.equal(await endsOf(pool, 3), [message, message, message]);
    assert.equal(await endsOf(pool, 1), [message]);
    await pool.close();
  });
}

test('a pool that is closed rejects what waits', async () => {
  const pool = threadPool<never>({ module, setup: 'exits' }, 1);
  const ends = endsOf(pool, 2);
  await pool.close();
  const message = 'the threads that prepare data were closed';
  assert.equal(await ends, [message, message]);
});

test('as many products as asked for are made ahead, none before the first is taken or from the end on', async () => {
  const asked: number[] = [];
  const pool = localPool((index: number) => {
    asked.push(index);
    return 10 * index;
  });
  const next = prefetched(pool, 2, 4, 8);
  assert.equal(asked, []);
  const counts: number[] = [];
  const products: number[] = [];
  for (let i = 0; i < 4; i++) {
    const product = next();
    counts.push(asked.length);
    products.push(await product);
  }
  assert.equal(counts, [3, 4, 4, 4]);
  assert.equal(products, [40, 50, 60, 70]);
});

test('a product made ahead that fails counts when its turn comes', async () => {
  const pool = localPool((index: number) => {
    if (index === 1) throw new Error('broken');
    return index;
  });
  const next = prefetched(pool, 3, 0);
  assert.is(await next(), 0);
  await new Promise((resolve) => setTimeout(resolve));
  assert.is((await rejectionOf(Error, next)).message, 'broken');
  assert.is(await next(), 2);
});

test.run();
