import { windows1252 } from './entities.ts';

/** Western encodings, by far the likeliest that UTF-8 is misread in. */
const western = ['latin1', 'windows-1252'] as const;
const others = [
  'windows-1251',
  'windows-1250',
  'windows-1253',
  'windows-1254',
  'windows-1257',
  'iso-8859-2',
  'macintosh',
] as const;

type Encoding = (typeof western)[number] | (typeof others)[number];

/**
 * Undoes UTF-8 that was read in a single-byte encoding (`schÃ¶n` for `schön`), however often. A run of
 * characters beyond ASCII is decoded when every one has a byte in a Western encoding and the bytes are UTF-8
 * of everyday characters. For the other encodings the whole text must be so, at two places or more. (ftfy
 * weighs pairs of characters instead, also mends runs of which a byte was lost, and knows cp437.)
 */
export function decodeMojibake(text: string): string {
  for (;;) {
    if (!/\P{ASCII}/u.test(text)) return text;
    const decoded = decodeRuns(text) ?? decodeWhole(text);
    if (decoded === undefined) return text;
    text = decoded;
  }
}

function decodeRuns(text: string): string | undefined {
  const decoded = text.replace(/\P{ASCII}+/gu, (run) => firstDecoded(run, western) ?? run);
  return decoded === text ? undefined : decoded;
}

function decodeWhole(text: string): string | undefined {
  const decoded = firstDecoded(text, others);
  return decoded !== undefined && /\P{ASCII}.*\P{ASCII}/su.test(decoded) ? decoded : undefined;
}

function firstDecoded(text: string, encodings: readonly Encoding[]): string | undefined {
  return encodings.map((encoding) => redecode(text, encoding)).find((decoded) => decoded !== undefined);
}

/**
 * Lead bytes of Latin, Greek, Cyrillic, Hebrew and Arabic letters, of scripts and symbols from U+0800 on, and
 * of emoji. Others (phonetic letters, Coptic, ...) come about by chance, as in `CAFÉ®`.
 */
const everyday =
  /^(?:\p{ASCII}|[\xc2-\xc5\xce-\xd1\xd7-\xda][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|\xf0[\x80-\xbf]{3})*$/u;

function redecode(text: string, encoding: Encoding): string | undefined {
  const bytes = encode(text, encoding);
  if (bytes === undefined || !everyday.test(Buffer.from(bytes).toString('latin1'))) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const tables = new Map<Encoding, Map<string, number>>();

/** The bytes of a text, or undefined where the encoding lacks one of its characters. */
function encode(text: string, encoding: Encoding): Uint8Array | undefined {
  const table = tables.get(encoding) ?? byteTable(encoding);
  tables.set(encoding, table);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const byte = table.get(text[at]!);
    if (byte === undefined) return undefined;
    bytes[at] = byte;
  }
  return bytes;
}

/** Byte of each character. Bytes that the encoding leaves unassigned are the control characters of Latin-1. */
function byteTable(encoding: Encoding): Map<string, number> {
  const characters = Array.from({ length: 256 }, (_, byte) => characterOf(byte, encoding));
  return new Map(characters.map((character, byte) => [character, byte]));
}

function characterOf(byte: number, encoding: Encoding): string {
  const latin1 = String.fromCharCode(byte);
  if (encoding === 'latin1') return latin1;
  if (encoding === 'windows-1252') return byte >= 0x80 && byte <= 0x9f ? windows1252(byte) : latin1;
  const decoded = new TextDecoder(encoding).decode(Uint8Array.of(byte));
  return decoded === '\ufffd' ? latin1 : decoded;
}
