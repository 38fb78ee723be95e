/**
 * A font of our own, so that pictures carry text on machines without any font. Each word is one character
 * followed by its 8 rows from the top; a row is a digit in base 32 whose bits are 5 pixels, left to right.
 */
const glyphs = `
  a00e1fhf0 bgguhhhu0 c00eggge0 d11fhhhf0 e00ehvge0 f68s88880 g00fhhf1e hgguhhhh0 i40c444e0
  j2062222c kggikoki0 lc44444e0 m00qllll0 n00uhhhh0 o00ehhhe0 p00uhhugg q00fhhf11 r00moggg0
  s00fge1u0 t88s88860 u00hhhhf0 v00hhha40 w00lllla0 x00ha4ah0 y00hhhf1e z00v248v0 0ehjlphe0
  14c4444e0 2eh168gv0 3eh161he0 426aiv220 5vgu11he0 6eguhhhe0 7v1244880 8ehhehhe0 9ehhf11e0
  -000e0000 _000000v0 .00000cc0 ,00000c48 :00cc0cc0 /11248gg0 %pp248jj0 (24888420 )84222480
  *0level00 +0044v440 =000v0v00 '44800000`;

/** The cell of a character in font pixels: 5 x 8 and a column of space. */
const advance = 6;
const rows = 8;
const columns = 5;

const rowsOf = new Map(
  glyphs
    .trim()
    .split(/\s+/)
    .map((word) => [word[0]!, Array.from(word.slice(1), (digit) => Number.parseInt(digit, 32))]),
);

/** Letters that are no base letter with marks, by what they are drawn as. */
const spelt: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
};

/** The text in the characters that the font may have: small, without accents. */
function plain(text: string): string[] {
  const letters = text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
  return Array.from(Array.from(letters, (letter) => spelt[letter] ?? letter).join(''));
}

/** Whether every character of a text can be drawn. */
export function isDrawable(text: string): boolean {
  return plain(text).every((character) => character === ' ' || rowsOf.has(character));
}

/** A box, for characters that the font lacks. */
const unknown = [31, 17, 17, 17, 17, 17, 31, 0];
const space = new Array<number>(rows).fill(0);

/** Size in pixels of a line of text. */
export function textSize(text: string, scale: number): { width: number; height: number } {
  return { width: Math.max(plain(text).length * advance - 1, 0) * scale, height: rows * scale };
}

/**
 * Calls `paint` for every pixel of a line of text, relative to its upper left corner. Capitals are drawn as
 * small letters, accented letters without their accents.
 */
export function drawText(text: string, scale: number, paint: (x: number, y: number) => void): void {
  for (const [index, character] of plain(text).entries()) {
    const glyph = character === ' ' ? space : (rowsOf.get(character) ?? unknown);
    for (let y = 0; y < rows * scale; y++) {
      const bits = glyph[Math.floor(y / scale)]!;
      for (let x = 0; x < columns * scale; x++) {
        const isInk = (bits >> (columns - 1 - Math.floor(x / scale))) & 1;
        if (isInk) paint(index * advance * scale + x, y);
      }
    }
  }
}
