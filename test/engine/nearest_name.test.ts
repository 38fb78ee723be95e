import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { editDistance, nearestName } from '../../engine/host/nearest_name.ts';

const test = suite('nearest name');

test('a misspelt name finds its own', () => {
  assert.is(nearestName('batchh', ['mode', 'batch', 'stopAt']), 'batch');
  assert.is(nearestName('ln_pst.weight', ['ln_pre.weight', 'ln_post.weight']), 'ln_post.weight');
  assert.is(nearestName('x', ['a', 'b']), 'a');
  assert.is(nearestName('x', []), undefined);
});

test('the part of a name finds the shortest one that it is part of', () => {
  assert.is(nearestName('vit', ['one', 'ViT-B16@512 large', 'vit-b16@512']), 'vit-b16@512');
  assert.is(nearestName('one', ['one more', 'one']), 'one');
  assert.is(nearestName('on', ['o', 'long on']), 'o');
});

test('edit distance', () => {
  assert.is(editDistance('kitten', 'sitting'), 3);
  assert.is(editDistance('', 'abc'), 3);
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      assert.is(editDistance(a, b), editDistance(b, a));
      assert.is(editDistance(a, b) === 0, a === b);
      assert.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c));
    }),
  );
});

test.run();
