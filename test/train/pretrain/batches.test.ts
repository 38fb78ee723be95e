import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UserError } from '../../../engine/errors.ts';
import { Random } from '../../../engine/random.ts';
import { CompactVocabulary, vocabularyOf } from '../../../model/tokenizer/compact_vocabulary.ts';
import { encodeText } from '../../../model/tokenizer/tokenizer.ts';
import { loadVocabulary } from '../../../model/tokenizer/vocabulary.ts';
import { voc20 } from '../../../train/data/datasets/voc20.ts';
import { loadAtlas } from '../../../train/embedded/atlas.ts';
import { type BatchOptions, drawBatch } from '../../../train/pretrain/batch.ts';
import { openBatchSource } from '../../../train/pretrain/batch_source.ts';
import { captionBook, captionTemplates } from '../../../train/pretrain/captions.ts';
import { drawHeldOut, patchClasses } from '../../../train/pretrain/evaluate.ts';
import { rateShare, stagesOf } from '../../../train/pretrain/stages.ts';
import { errorOf } from '../../support/error_of.ts';
import { tinySettings } from './support.ts';

const test = suite('pretrain_batches');
const atlas = loadAtlas();
const book = captionBook(atlas);
const options: BatchOptions = { seed: 3, batch: 12, size: 32, crowd: 'several', classShare: 0.7 };
const unused = 0xffffffff;

test('a compact vocabulary keeps texts apart and leads back to the ids of CLIP', () => {
  const texts = ['a photo of a bird', 'an icon of a tvmonitor', 'naïve café'];
  const vocabulary = vocabularyOf(texts);
  for (const text of texts) {
    const places = vocabulary.encode(text);
    assert.equal(
      places.map((place) => vocabulary.ids[place]),
      encodeText(text),
    );
    assert.is(places.at(-1), vocabulary.end);
  }
  assert.equal(new CompactVocabulary(vocabulary.ids).encode(texts[1]), vocabulary.encode(texts[1]));
  assert.equal(vocabularyOf(texts.toReversed()).ids, vocabulary.ids, 'order of the texts');
  const padded = vocabulary.tokenize(texts.slice(0, 1), 9);
  assert.equal([...padded.subarray(0, 7)], vocabulary.encode(texts[0]));
  assert.equal([...padded.subarray(7)], [0, 0]);
});

test('a word outside the vocabulary, a long text and a damaged list are named', () => {
  const vocabulary = vocabularyOf(['a photo of a bird', 'a photo of a cat']);
  const unknown = errorOf(UserError, () => vocabulary.encode('a photo of a submarine cat'));
  assert.match(unknown.message, /'submarine'.*"a photo of a submarine cat"/);
  assert.match(
    errorOf(UserError, () => vocabulary.tokenize(['a bird of a cat'], 6)).message,
    /has 7 tokens.*at most 6/,
  );
  const { start, end } = loadVocabulary();
  for (const ids of [
    [],
    [5, 4, start, end],
    [1, 2, 3],
    [1, end, start],
    [-1, start, end],
    [0.5, start, end],
  ]) {
    assert.match(errorOf(UserError, () => new CompactVocabulary(ids)).message, /compact vocabulary of/);
  }
});

test('the captions of the atlas fit: every class by its own name, in every template', () => {
  assert.is(book.classes, 20);
  assert.equal(atlas.classes, [...voc20.classes]);
  for (const template of captionTemplates) {
    for (const name of voc20.classes) {
      assert.ok(book.vocabulary.encode(template.replace('{}', name)).length <= book.context);
    }
  }
  assert.equal(captionBook(loadAtlas()).vocabulary.ids, book.vocabulary.ids);
  const cells = book.concepts.flat();
  assert.is(new Set(cells).size, atlas.cells.length, 'every drawing belongs to one concept');
  assert.ok(cells.every((cell) => book.concepts[book.conceptOf(cell)].includes(cell)));
});

test('a drawn caption is one of its icon, in a template', () => {
  const random = new Random(1);
  const sentence = (ids: readonly number[]) => ids.map((place) => book.vocabulary.ids[place]).join();
  for (const cell of [0, 7, 100, 300, 500]) {
    const possible = atlas.cells[cell].captions.flatMap((caption) =>
      captionTemplates.map((template) => encodeText(template.replace('{}', caption)).join()),
    );
    const drawn = new Set(Array.from({ length: 60 }, () => sentence(book.drawCaption(random, cell))));
    assert.ok([...drawn].every((text) => possible.includes(text)));
    assert.ok(drawn.size > 2, 'captions vary');
  }
});

test('a batch is a function of seed and step alone, on any number of threads', async () => {
  const first = drawBatch(atlas, book, options, 41);
  assert.equal(drawBatch(atlas, book, options, 41), first);
  assert.not.equal(drawBatch(atlas, book, options, 42).tokens, first.tokens);
  assert.not.equal(drawBatch(atlas, book, { ...options, seed: 4 }, 41).images, first.images);
  const source = openBatchSource({ ...options, workers: 2, prefetch: 1, atlas, book, from: 40 });
  try {
    await source.next();
    assert.equal((await source.next()).batch, first);
  } finally {
    await source.close();
  }
});

test('what is said about images is about images as a whole: no place, mask, order or number', () => {
  for (const crowd of ['single', 'several'] as const) {
    const batch = drawBatch(atlas, book, { ...options, crowd }, 5);
    const perImage = crowd === 'single' ? 1 : 3;
    const captions = options.batch * (crowd === 'single' ? 1 : 2);
    const sizes = Object.fromEntries(Object.entries(batch).map(([name, { length }]) => [name, length]));
    assert.equal(sizes, {
      images: 12 * 3 * 32 * 32,
      imageConcepts: 12 * perImage,
      tokens: captions * book.context,
      ends: captions,
      captionConcepts: captions,
    });
    const seen = new Set<number>();
    for (let image = 0; image < options.batch; image++) {
      const concepts = [...batch.imageConcepts.subarray(image * perImage, (image + 1) * perImage)];
      const used = concepts.filter((concept) => concept !== unused);
      assert.ok(used.length > 0);
      assert.equal(
        used,
        [...new Set(used)].sort((a, b) => a - b),
        'ascending, each once',
      );
      assert.equal(concepts.slice(used.length), concepts.slice(used.length).fill(unused));
      for (const concept of used) seen.add(concept);
    }
    assert.equal(new Set(batch.captionConcepts), seen, 'every concept is named, and no other');
    batch.ends.forEach((end, row) => {
      const ids = [...batch.tokens.subarray(row * book.context, (row + 1) * book.context)];
      assert.is(ids.indexOf(book.vocabulary.end), end);
      const texts = book.concepts[batch.captionConcepts[row]].flatMap((cell) =>
        atlas.cells[cell].captions.flatMap((caption) =>
          captionTemplates.map((template) => book.vocabulary.encode(template.replace('{}', caption)).join()),
        ),
      );
      assert.ok(texts.includes(ids.slice(0, end + 1).join()));
    });
  }
});

test('the share of the classes is what was asked for', () => {
  const concepts = [
    ...drawBatch(atlas, book, { ...options, batch: 300, size: 16, crowd: 'single' }, 0).imageConcepts,
  ];
  const share = concepts.filter((concept) => concept < book.classes).length / concepts.length;
  assert.ok(Math.abs(share - 0.7) < 0.09, `${share}`);
});

test('held-out scenes are the same each time and show every class', () => {
  const draw = () => drawHeldOut(atlas, book, { size: 32, crowd: 'single', count: 40 }).scenes;
  assert.equal(draw(), draw());
  const shown = new Set(draw().flatMap(({ objects }) => objects.map(({ classId }) => classId)));
  assert.is(shown.size, 20);
  assert.not.ok(shown.has(null));
});

test('a patch has the class that covers half of it', () => {
  const mask = new Uint8Array(64);
  const paint = (x: number, y: number, value: number) => {
    mask[y * 8 + x] = value;
  };
  for (let y = 0; y < 4; y++) for (let x = 0; x < 2; x++) paint(x, y, 3); // 8 of 16: half
  for (let y = 0; y < 4; y++) paint(4, y, 5); // 4 of 16
  for (let y = 4; y < 8; y++) for (let x = 4; x < 8; x++) paint(x, y, 255); // void
  for (let y = 4; y < 8; y++) for (let x = 0; x < 4; x++) paint(x, y, x === 0 ? 2 : 1);
  assert.equal(patchClasses(mask, 8, 4), [2, null, 0, null]);
});

test('the learning rate warms up and falls along a cosine in each stage', () => {
  const [first, second] = stagesOf({ ...tinySettings, stage1: { ...tinySettings.stage1, steps: 104 } });
  assert.equal([first.from, first.to, second.from, second.to], [0, 104, 104, 108]);
  assert.is(rateShare(first, 4, 0), 0.2);
  assert.is(rateShare(first, 4, 4), 1);
  assert.ok(Math.abs(rateShare(first, 4, 54) - 0.5) < 1e-12);
  assert.ok(rateShare(first, 4, 103) < 1e-3);
  assert.is(rateShare(second, 1, 104), 0.5);
});

test.run();
