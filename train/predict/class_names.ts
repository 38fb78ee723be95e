import { ConfigError } from '../../engine/errors.ts';
import { cleanText } from '../../model/tokenizer/words.ts';

/** A mask has 8 bits, and 0 is background. */
const mostNames = 255;

/**
 * Reads names separated by commas.
 * @throws ConfigError for an empty or repeated name, and for too many.
 */
export function namesInList(list: string): string[] {
  return checked(list.split(','), `--classes "${list}"`);
}

/**
 * Reads names one a line; blank lines and lines that begin with # are skipped.
 * @param file named in errors.
 * @throws ConfigError for a repeated name, for none and for too many.
 */
export function namesInFile(text: string, file: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const names = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  return checked(names, `--classes-file ${file}`);
}

/** What masks and summaries call pixels of no class. */
export const backgroundName = 'background';

/** A name as the text tower sees it: names that are equal so are one class. */
export const sameName = (a: string, b: string): boolean => cleanText(a) === cleanText(b);

function checked(given: readonly string[], origin: string): string[] {
  const names = given.map((name) => name.trim().replace(/\s+/g, ' '));
  const hint = 'Name each class once, such as --classes "cat,dog,traffic light"';
  const empty = names.indexOf('');
  if (names.length === 0 || (names.length === 1 && empty === 0)) {
    throw new ConfigError(`${origin}: names no class`, hint);
  }
  if (empty >= 0) throw new ConfigError(`${origin}: name ${empty + 1} is empty`, hint);
  for (const [index, name] of names.entries()) {
    const first = names.findIndex((other) => sameName(other, name));
    if (first < index) {
      throw new ConfigError(`${origin}: names ${first + 1} and ${index + 1} are both '${name}'`, hint);
    }
  }
  if (names.length > mostNames) {
    throw new ConfigError(
      `${origin}: has ${names.length} names, a mask holds at most ${mostNames}`,
      'Ask for fewer classes at a time',
    );
  }
  return names;
}
