import { decodeHTML, decodeHTMLStrict } from 'entities/decode';

/** A numeric reference, or a name with or without its semicolon, after an ampersand. */
const reference = /&(?:#([0-9]+)|#[xX]([0-9a-fA-F]+)|[^\t\n\f <&#;]{1,32});?/g;

/**
 * Replaces HTML character references as Python's `html.unescape` does: all names of HTML 5, the older ones
 * also without a semicolon and as the longest beginning of a word (`&notit;` is `¬it;`); numbers that HTML
 * forbids become nothing, their Windows-1252 character, or U+FFFD.
 */
export function unescapeHtml(text: string): string {
  return text.replace(reference, (match, decimal?: string, hexadecimal?: string) => {
    if (decimal !== undefined) return numbered(Number.parseInt(decimal, 10));
    if (hexadecimal !== undefined) return numbered(Number.parseInt(hexadecimal, 16));
    return decodeHTML(match);
  });
}

/** What `&NAME;` stands for; undefined when no name is spelled so. */
export function namedCharacter(name: string): string | undefined {
  const written = `&${name};`;
  const decoded = decodeHTMLStrict(written);
  return decoded === written ? undefined : decoded;
}

function numbered(code: number): string {
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd';
  if (code >= 0x80 && code <= 0x9f) return windows1252(code);
  return isForbidden(code) ? '' : String.fromCodePoint(code);
}

const c1InWindows1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/**
 * The character that a byte from 0x80 to 0x9f has in Windows-1252; its five unassigned bytes stay control
 * characters. (Some versions of Node decode this range as Latin-1.)
 */
export function windows1252(byte: number): string {
  return c1InWindows1252[byte - 0x80]!;
}

/** Control characters other than white space, and Unicode's noncharacters. */
function isForbidden(code: number): boolean {
  const control = /(?![\t\n\f\r])\p{Cc}/u.test(String.fromCodePoint(code));
  return control || (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
}
