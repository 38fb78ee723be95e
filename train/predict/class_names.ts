import { readFileSync } from 'node:fs';
import { ConfigError, DataError } from '../../engine/errors.ts';
import { systemCause } from '../../engine/host/atomic_file.ts';
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

/**
 * {@link namesInFile} of a file.
 * @throws DataError where it cannot be read or is no text.
 */
export function readNames(file: string): string[] {
  return namesInFile(textOf(file, bytesOf(file)), file);
}

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new DataError(
      file,
      `cannot be read: ${systemCause(error)}`,
      'Check the path given for --classes-file.',
    );
  }
}

/** Without this the bytes of a picture or a spreadsheet would become names, and end up in messages. */
function textOf(file: string, bytes: Uint8Array): string {
  const wanted = 'wanted text in UTF-8, one name a line';
  const hint = 'Save the names as plain text in UTF-8.';
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw new DataError(file, `is no text, byte ${zero + 1} of it is 0, ${wanted}`, hint);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(file, `holds bytes that are not UTF-8, ${wanted}`, hint);
  }
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
