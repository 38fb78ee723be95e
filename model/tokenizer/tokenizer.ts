import { UserError } from '../../engine/errors.ts';
import { loadVocabulary, type Vocabulary } from './vocabulary.ts';
import { cleanText, splitWords } from './words.ts';

/** What turns texts into the token ids that a text tower was trained on. */
export interface Tokenizer {
  /** Id of the end token, the highest of the vocabulary. */
  readonly end: number;
  /**
   * Ids of texts, each row padded with zeros to `context`.
   * @returns (texts.length, context), row-major.
   * @throws UserError for a text that does not fit or has a word that the vocabulary lacks.
   */
  tokenize(texts: readonly string[], context: number): Int32Array<ArrayBuffer>;
}

/** CLIP's own, by byte-pair encoding (Radford et al. 2021); its vocabulary is loaded on first use. */
export const clipTokenizer: Tokenizer = {
  get end() {
    return loadVocabulary().end;
  },
  tokenize: (texts, context) => padTokens(texts, context, encodeText),
};

/**
 * Each text's ids, padded with zeros to `context`.
 *
 * @param encode gives the ids of one text, start and end included.
 * @returns (texts.length, context), row-major.
 * @throws UserError when a text does not fit, with its length and the limit; for a context of less than two tokens.
 */
export function padTokens(
  texts: readonly string[],
  context: number,
  encode: (text: string) => readonly number[],
): Int32Array<ArrayBuffer> {
  if (!Number.isInteger(context) || context < 2) {
    throw new UserError(`a context of ${context} tokens has no room for a start and an end token`);
  }
  const rows = new Int32Array(texts.length * context);
  for (const [row, text] of texts.entries()) {
    const ids = encode(text);
    if (ids.length > context) throw tooLong(text, ids.length, context);
    rows.set(ids, row * context);
  }
  return rows;
}

/** Token ids of one text, start and end included, without padding or limit. */
export function encodeText(text: string): number[] {
  const vocabulary = loadVocabulary();
  const ids = splitWords(cleanText(text)).flatMap((word) => encodeWord(vocabulary, word));
  return [vocabulary.start, ...ids, vocabulary.end];
}

/** Words seen before; class names and templates repeat them endlessly. */
const known = new Map<string, readonly number[]>();
const MOST_KNOWN = 10_000;

function encodeWord(vocabulary: Vocabulary, word: string): readonly number[] {
  if (word === '<|startoftext|>') return [vocabulary.start];
  if (word === '<|endoftext|>') return [vocabulary.end];
  const remembered = known.get(word);
  if (remembered !== undefined) return remembered;
  const ids = Array.from(new TextEncoder().encode(word), (byte) => vocabulary.byteIds[byte]!);
  ids.push(ids.pop()! + vocabulary.wordEnd);
  const merged = mergePairs(vocabulary, ids);
  if (known.size < MOST_KNOWN) known.set(word, merged);
  return merged;
}

/** Merges neighbours, smallest result first and everywhere it occurs, until none can be (Sennrich et al. 2016). */
function mergePairs(vocabulary: Vocabulary, ids: number[]): number[] {
  for (;;) {
    const results = ids.slice(1).map((right, at) => vocabulary.merge(ids[at]!, right) ?? Infinity);
    const best = results.reduce((least, result) => Math.min(least, result), Infinity);
    if (best === Infinity) return ids;
    const merged: number[] = [];
    for (let at = 0; at < ids.length; at++) {
      if (results[at] === best) {
        merged.push(best);
        at++;
      } else {
        merged.push(ids[at]!);
      }
    }
    ids = merged;
  }
}

function tooLong(text: string, found: number, wanted: number): UserError {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return new UserError(
    `the text ${JSON.stringify(shown)} has ${found} tokens with start and end, at most ${wanted} fit`,
    'Shorten it.',
  );
}
