import { namedCharacter, unescapeHtml, windows1252 } from './entities.ts';
import { decodeMojibake } from './mojibake.ts';

/**
 * Repairs text as CLIP's tokeniser does first, by the library ftfy with its default settings: line by line,
 * until nothing changes. Undoes mojibake, ligatures, full-width forms and curly quotes; drops terminal escapes
 * and control characters; normalises to NFC. Which text counts as mojibake is a judgement; see
 * {@link decodeMojibake} for where ours is simpler.
 */
export function repairText(text: string): string {
  // From the first line with a '<' on, text is taken for mark-up, whose references must stay as they are.
  let isMarkup = false;
  return text
    .split(/(?<=\n)/)
    .map((line) => {
      isMarkup ||= line.includes('<');
      return repairLine(line, isMarkup);
    })
    .join('');
}

function repairLine(line: string, isMarkup: boolean): string {
  for (;;) {
    const unescaped = isMarkup ? line : unescapeTerminated(line);
    const repaired = characterRepairs
      .reduce((text, [pattern, replace]) => text.replace(pattern, replace), decodeMojibake(unescaped))
      .normalize('NFC');
    if (repaired === line) return line;
    line = repaired;
  }
}

const ESCAPE = String.fromCharCode(0x1b);
const compatible = (character: string) => character.normalize('NFKC');
const nothing = () => '';

const characterRepairs: [RegExp, (match: string) => string][] = [
  // C1 controls are Windows-1252 characters read as Latin-1.
  [/[\x80-\x9f]/g, (control) => windows1252(control.charCodeAt(0))],
  // Latin ligatures and digraphs; the long s of U+FB05 stays one.
  [/\ufb05/g, () => 'ſt'],
  [/[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb04\ufb06]/g, compatible],
  // Full-width and half-width forms, and the ideographic space.
  [/[\u3000\uff01-\uffef]/g, compatible],
  [/[\u201c-\u201f]/g, () => '"'],
  [/[\u02bc\u2018-\u201b]/g, () => "'"],
  [/\r\n?|[\u2028\u2029]/g, () => '\n'],
  [/\p{Surrogate}/gu, () => '\ufffd'],
  [new RegExp(`${ESCAPE}\\[[\\d;]*[a-zA-Z]`, 'g'), nothing],
  [/(?![\t\n\f\r\x80-\x9f])\p{Cc}|[\u206a-\u206f\ufeff\ufff9-\ufffc]/gu, nothing],
];

/** Resolves references that end in a semicolon, also names in capitals (`&EACUTE;`) that HTML does not have. */
function unescapeTerminated(text: string): string {
  return text.replace(/&(#?)([0-9A-Za-z]{1,24});/g, (match, number: string, name: string) => {
    if (number !== '') {
      const character = unescapeHtml(match);
      return character.includes(';') ? match : character;
    }
    const character = namedCharacter(name);
    if (character !== undefined) return character;
    const isCapital = name === name.toUpperCase() && unescapeHtml(match) === match;
    return (isCapital ? namedCharacter(name.toLowerCase())?.toUpperCase() : undefined) ?? match;
  });
}
