import { unescapeHtml } from './entities.ts';
import { repairText } from './repair.ts';

/**
 * Text as CLIP's tokeniser sees it: repaired, character references resolved twice, white space trimmed and
 * collapsed, lower case (the released `simple_tokenizer` of Radford et al. 2021).
 */
export function cleanText(text: string): string {
  return unescapeHtml(unescapeHtml(repairText(text)))
    .replace(/^\p{White_Space}+|\p{White_Space}+$/gu, '')
    .replace(/\p{White_Space}+/gu, ' ')
    .toLowerCase();
}

/**
 * Words, as the released pattern splits lower-case text: special tokens, English contractions, runs of letters,
 * single digits, runs of anything else. Case-insensitive matching there lets a long s begin `'s` and keeps
 * U+0345 out of every class, so that it is dropped.
 */
const word =
  /<\|[sſ]tartoftext\|>|<\|endoftext\|>|'[sſ]|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|(?:(?!\u0345)[^\p{White_Space}\p{L}\p{N}])+/gu;

/** Splits cleaned text into the words that are encoded one by one. */
export function splitWords(text: string): string[] {
  return text.match(word) ?? [];
}
