import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { UserError } from '../../engine/errors.ts';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import { type Atlas, type AtlasIndex, loadAtlas } from './atlas.ts';
import { otherIcons } from './other_icons.ts';
import { outlinedTables } from './tables.ts';
import { vocIcons } from './voc_icons.ts';

const cellSize = 64;
const columns = 24;

/** What goes into an atlas. */
export interface AtlasRecipe {
  /** Emoji sets: names of installed `@iconify-json` packages. */
  sets: readonly string[];
  /** Drawings of our own, as SVG bodies in a 64 x 64 view box, by icon name. */
  drawings: Readonly<Record<string, string>>;
  /** Whether the nouns that are no VOC class are included. */
  withOthers: boolean;
}

/** The part of an Iconify JSON file that is used here. */
interface IconSet {
  width?: number;
  height?: number;
  icons: Record<string, { body: string; width?: number; height?: number; left?: number; top?: number }>;
}

type Cell = AtlasIndex['cells'][number];

/**
 * Rasterises every icon of the recipe once: its transparent margin is cut off, then it is fitted into a 64 px
 * cell. An icon that a set lacks is left out.
 *
 * @throws UserError when the package of a set is not installed.
 */
export async function buildAtlas(recipe: AtlasRecipe): Promise<{ png: Uint8Array; index: AtlasIndex }> {
  const words = captions(recipe.withOthers);
  const cells: Cell[] = [];
  const drawings: Buffer[] = [];
  const add = async (set: string, icon: string, svg: string) => {
    cells.push({ set, icon, ...words.get(icon)! });
    drawings.push(await rasterise(svg));
  };
  for (const set of recipe.sets) {
    const { icons, width = 16, height = 16 } = readIconSet(set);
    for (const icon of words.keys()) {
      const drawing = icons[icon];
      if (!drawing) continue;
      const box = [drawing.left ?? 0, drawing.top ?? 0, drawing.width ?? width, drawing.height ?? height];
      await add(set, icon, svgDocument(drawing.body, box));
    }
  }
  for (const [icon, body] of Object.entries(recipe.drawings)) {
    await add('own', icon, svgDocument(body, [0, 0, cellSize, cellSize]));
  }
  const index = { cellSize, columns, classes: Object.keys(vocIcons), cells };
  return { png: await arrange(drawings), index };
}

/**
 * The VOC classes in an art style that nothing is trained on, for the control of that name. Rasterised from
 * an icon package among the development dependencies into `cacheDir`, since the licence of such a set may not
 * allow to ship it with the project (OpenMoji: CC BY-SA 4.0).
 *
 * @throws UserError when the package is not installed.
 */
export async function buildStyleAtlas(cacheDir: string, set = 'openmoji'): Promise<Atlas> {
  const { png, index } = await buildAtlas({ sets: [set], drawings: outlinedTables, withOthers: false });
  const files = { png: join(cacheDir, `${set}.png`), json: join(cacheDir, `${set}.json`) };
  await mkdir(cacheDir, { recursive: true });
  await writeFileAtomic(files.png, png);
  await writeFileAtomic(files.json, JSON.stringify(index));
  return loadAtlas(files);
}

/** Class and captions of every icon name: its own words first, then the names of its class. */
function captions(withOthers: boolean): Map<string, Pick<Cell, 'class' | 'captions'>> {
  const words = new Map<string, Pick<Cell, 'class' | 'captions'>>();
  const own = (icon: string, synonyms: readonly string[]) => [icon.replaceAll('-', ' '), ...synonyms];
  for (const [name, { names, icons }] of Object.entries(vocIcons)) {
    for (const [icon, synonyms] of Object.entries(icons)) {
      words.set(icon, { class: name, captions: [...new Set([...own(icon, synonyms), ...names])] });
    }
  }
  if (withOthers) {
    for (const [icon, synonyms] of Object.entries(otherIcons)) {
      words.set(icon, { class: null, captions: own(icon, synonyms) });
    }
  }
  return words;
}

function readIconSet(set: string): IconSet {
  try {
    return JSON.parse(
      readFileSync(fileURLToPath(import.meta.resolve(`@iconify-json/${set}/icons.json`)), 'utf8'),
    );
  } catch (error) {
    throw new UserError(
      `The icon set @iconify-json/${set} is not installed (${(error as Error).message}).`,
      'It is a development dependency: run `npm ci` without `--omit=dev`.',
    );
  }
}

function svgDocument(body: string, viewBox: readonly number[]): string {
  const side = 8 * cellSize;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="${viewBox.join(' ')}">${body}</svg>`;
}

function rasterise(svg: string): Promise<Buffer> {
  const background = { r: 0, g: 0, b: 0, alpha: 0 };
  return sharp(Buffer.from(svg))
    .trim({ background, threshold: 1 })
    .resize(cellSize, cellSize, { fit: 'contain', background })
    .ensureAlpha()
    .raw()
    .toBuffer();
}

/** Lays RGBA cells out row by row and writes them as a PNG with 256 colours, alpha included. */
async function arrange(drawings: readonly Buffer[]): Promise<Uint8Array> {
  const width = columns * cellSize;
  const height = Math.ceil(drawings.length / columns) * cellSize;
  const image = Buffer.alloc(width * height * 4);
  drawings.forEach((drawing, cell) => {
    const left = (cell % columns) * cellSize;
    const top = Math.floor(cell / columns) * cellSize;
    for (let y = 0; y < cellSize; y++) {
      drawing.copy(image, ((top + y) * width + left) * 4, y * cellSize * 4, (y + 1) * cellSize * 4);
    }
  });
  return sharp(image, { raw: { width, height, channels: 4 } })
    .png({ palette: true, colours: 256, dither: 1, compressionLevel: 9, effort: 10 })
    .toBuffer();
}
