import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UserError } from '../../engine/errors.ts';
import { fillTemplate, templatesOf } from '../../model/templates.ts';
import { namedCharacter, unescapeHtml } from '../../model/tokenizer/entities.ts';
import { decodeMojibake } from '../../model/tokenizer/mojibake.ts';
import { repairText } from '../../model/tokenizer/repair.ts';
import { clipTokenizer, encodeText } from '../../model/tokenizer/tokenizer.ts';
import { loadVocabulary } from '../../model/tokenizer/vocabulary.ts';
import { cleanText } from '../../model/tokenizer/words.ts';
import { goldenPath } from '../support/paths.ts';

const test = suite('tokenizer');

interface Row {
  kind: string;
  text: string;
  ids: number[];
  cleaned?: string;
  unescaped?: string;
}
const rowsOf = (name: string): Row[] => JSON.parse(readFileSync(goldenPath(name), 'utf8')).rows;
const released = rowsOf('tokenizer.json');

test('equals the released tokeniser on every row of the fixture', () => {
  assert.is(released.length, 147);
  for (const { text, ids, cleaned } of released) {
    assert.equal(encodeText(text), ids, JSON.stringify(text));
    if (cleaned !== undefined) assert.is(cleanText(text), cleaned);
  }
});

test('equals the released tokeniser on random entities, scripts, cases, spaces and special tokens', () => {
  for (const { kind, text, ids, unescaped } of rowsOf('tokenizer_samples.json')) {
    assert.is(unescapeHtml(text), unescaped, `${kind}: ${JSON.stringify(text)}`);
    assert.equal(encodeText(text), ids, `${kind}: ${JSON.stringify(text)}`);
  }
});

test('pads to the context length', () => {
  const ids = clipTokenizer.tokenize(['a photo of a bird', ''], 77);
  assert.is(ids.length, 2 * 77);
  assert.equal([...ids.subarray(0, 9)], [49406, 320, 1125, 539, 320, 3329, 49407, 0, 0]);
  assert.equal([...ids.subarray(77, 80)], [49406, 49407, 0]);
  assert.ok(ids.subarray(9, 77).every((id) => id === 0));
  assert.equal([...clipTokenizer.tokenize(['cat'], 4)], [49406, 2368, 49407, 0]);
  assert.equal(clipTokenizer.tokenize([], 77), new Int32Array(0));
});

test('a text that does not fit is an error that shows it', () => {
  const exact = 'cat '.repeat(75);
  assert.is(clipTokenizer.tokenize([exact], 77)[76], 49407);
  const long = 'cat '.repeat(76);
  assert.throws(
    () => clipTokenizer.tokenize(['dog', long], 77),
    (error: unknown) =>
      error instanceof UserError &&
      error.message.includes('the text "cat cat') &&
      error.message.includes('has 78 tokens with start and end, at most 77 fit') &&
      error.hint === 'Shorten it.',
  );
  assert.throws(() => clipTokenizer.tokenize(['a'], 1), /context of 1 tokens/);
});

test('special tokens in a text are single tokens, whatever their case', () => {
  assert.equal(encodeText('<|STARTOFTEXT|>cat<|EndOfText|>'), [49406, 49406, 2368, 49407, 49407]);
});

test("references resolve as Python's html.unescape does", () => {
  const cases: Record<string, string> = {
    '&amp;lt;': '&lt;',
    '&copy2024 &notit; &notin; &NotEqualTilde;': '©2024 ¬it; ∉ ≂̸',
    '&amp &AMP; &Amp; &unknown; &; & &#; &#x;': '& & &Amp; &unknown; &; & &#; &#x;',
    '&#65;&#x41&#X41;&#0065x': 'AAAAx',
    '&#0;&#xd800;&#x110000;&#99999999999999999999;': '\ufffd\ufffd\ufffd\ufffd',
    '[&#1;&#11;&#127;&#xfdd0;&#xffff;&#x10fffe;]': '[]',
    '&#9;&#10;&#12;&#13;': '\t\n\f\r',
    '&#128;&#x81;&#x92;&#159;': '€\x81’Ÿ',
    '&#x1F600;&bigstar;': '😀★',
  };
  for (const [text, expected] of Object.entries(cases)) assert.is(unescapeHtml(text), expected, text);
  assert.is(namedCharacter('eacute'), 'é');
  assert.is(namedCharacter('ampx'), undefined);
});

test('text is repaired before it is encoded', () => {
  const cases: Record<string, string> = {
    'schÃ¶n and café': 'schön and café',
    'ÃƒÂ©': 'é',
    'РџСЂРёРІРµС‚ РјРёСЂ': 'Привет мир',
    'NESCAFÉ® “10€” Größe': 'NESCAFÉ® "10€" Größe',
    'ﬁne ﬅ ŉ ǆ Ĳ': "fine ſt 'n dž IJ",
    'ＬＯＵＤ　ﾃｽﾄ': 'LOUD テスト',
    '\ufeffa\u206ab\0c\x7f': 'abc',
    'a\r\nb\rc\u2028d': 'a\nb\nc\nd',
    '\x1b[1;31mred\x1b[0m': 'red',
    'e\u0301': 'é',
    '\ud800x': '\ufffdx',
    'P&EACUTE;REZ &amp;amp;lt; &nosuch; &notit;': 'PÉREZ < &nosuch; &notit;',
    '<b>&lt;\n&lt;': '<b>&lt;\n&lt;',
    '&gt;\n<b>&lt;': '>\n<b>&lt;',
  };
  for (const [text, expected] of Object.entries(cases)) assert.is(repairText(text), expected, text);
});

test('UTF-8 misread as Latin-1 or Windows-1252 is decoded', () => {
  const everyday = fc.string({
    unit: fc.constantFrom(...'aé öñçàüŁżПриветΕλאبि日本語한😀—’“€'),
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(everyday, (text) => {
      const misread = Buffer.from(text, 'utf8').toString('latin1');
      assert.is(decodeMojibake(misread), text);
    }),
  );
  assert.is(decodeMojibake('itâ€™s â€œaâ€\x9d'), 'it’s “a”');
});

test('white space is trimmed and collapsed as in Python', () => {
  assert.is(cleanText(' \u00a0a \t\n\u2003b\u3000c\u1680 '), 'a b c');
  assert.is(cleanText('a\u200bb'), 'a\u200bb', 'a zero-width space is none');
});

test('any text gives ids of the vocabulary between start and end', () => {
  const { byteIds, wordEnd, start, end } = loadVocabulary();
  assert.equal([start, end], [49406, 49407]);
  assert.is(new Set(byteIds).size, 256);
  assert.ok(byteIds.every((id) => id < wordEnd));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
      const ids = encodeText(text);
      assert.is(ids[0], start);
      assert.is(ids.at(-1), end);
      assert.ok(ids.every((id) => id >= 0 && id <= end));
    }),
  );
});

test('templates are filled in with every class', () => {
  assert.equal(templatesOf('voc20'), ['a photo of a {}']);
  assert.is(fillTemplate('a photo of a {}', '$&'), 'a photo of a $&');
  const rows = released.filter(({ kind }) => kind === 'template').map(({ text }) => text);
  assert.is(rows.length, 15);
  for (const benchmark of ['context59', 'coco171'] as const) {
    assert.equal(
      templatesOf(benchmark).map((template) => fillTemplate(template, 'tvmonitor')),
      rows,
    );
  }
});

test.run();
