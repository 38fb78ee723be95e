import { UserError } from '../../engine/errors.ts';
import { encodeText, padTokens, type Tokenizer } from './tokenizer.ts';
import { loadVocabulary } from './vocabulary.ts';
import { cleanText, splitWords } from './words.ts';

/**
 * The part of CLIP's vocabulary that a small text tower knows. Its own ids are places in the sorted list of
 * CLIP's ids, so that the end token keeps the highest one.
 */
export class CompactVocabulary implements Tokenizer {
  /** CLIP's ids, ascending; start and end are the last two. */
  readonly ids: readonly number[];
  private readonly places: ReadonlyMap<number, number>;

  /** @throws UserError unless the ids ascend and end with CLIP's start and end token. */
  constructor(ids: readonly number[]) {
    const { start, end } = loadVocabulary();
    const ascending = ids.every((id, i) => Number.isInteger(id) && id >= 0 && (i === 0 || id > ids[i - 1]));
    if (!ascending || ids.at(-2) !== start || ids.at(-1) !== end) {
      throw new UserError(
        `a compact vocabulary of ${ids.length} ids does not ascend to CLIP's start and end token`,
        'The list is damaged; use the file as it was written.',
      );
    }
    this.ids = ids;
    this.places = new Map(ids.map((id, place) => [id, place]));
  }

  get size(): number {
    return this.ids.length;
  }

  /** Id of the end token, at which a text's feature is read. */
  get end(): number {
    return this.size - 1;
  }

  /**
   * Ids of one text, start and end included.
   * @throws UserError naming the first word that is not in the vocabulary.
   */
  encode(text: string): number[] {
    const places = encodeText(text).map((id) => this.places.get(id));
    if (places.includes(undefined)) {
      throw new UserError(
        `the word '${this.unknownWords(text)[0]}' of the text ${JSON.stringify(text)} is not among those that the miniature CLIP was trained on`,
        'Use words of its captions, such as the class names of VOC, or the weights of a full CLIP.',
      );
    }
    return places as number[];
  }

  /**
   * Ids of texts, each row padded with zeros to `context`.
   * @returns (texts.length, context), row-major.
   * @throws UserError for an unknown word, and for a text that does not fit.
   */
  tokenize(texts: readonly string[], context: number): Int32Array<ArrayBuffer> {
    return padTokens(texts, context, (text) => this.encode(text));
  }

  /** The words of a text that are not in the vocabulary, in their order. */
  unknownWords(text: string): string[] {
    return splitWords(cleanText(text)).filter((word) => !this.knows(word));
  }

  private knows(word: string): boolean {
    return encodeText(word).every((id) => this.places.has(id));
  }
}

/** The smallest vocabulary that holds the texts. */
export function vocabularyOf(texts: Iterable<string>): CompactVocabulary {
  const { start, end } = loadVocabulary();
  const ids = new Set([start, end]);
  for (const text of texts) for (const id of encodeText(text)) ids.add(id);
  return new CompactVocabulary([...ids].sort((a, b) => a - b));
}
