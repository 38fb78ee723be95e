import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decode } from 'fast-png';
import * as z from 'zod';
import { DataError } from '../../engine/errors.ts';
import { parseJson } from '../../engine/host/json_file.ts';

const atlasSchema = z.strictObject({
  /** Side in pixels of a cell; every icon fits its square cell, centred, aspect ratio kept. */
  cellSize: z.int().positive(),
  columns: z.int().positive(),
  /** VOC class names in the order of their ids. */
  classes: z.array(z.string()),
  /** One entry for each cell, row by row. */
  cells: z.array(
    z.strictObject({
      /** Where the drawing comes from: an emoji set's name, or `own`. */
      set: z.string(),
      icon: z.string(),
      /** A VOC class, or null for the other nouns of pre-training. */
      class: z.string().nullable(),
      /** Words and phrases for the drawing; for a VOC class the class's own name is among them. */
      captions: z.array(z.string()).min(1),
    }),
  ),
});

/** What the cells of an atlas show. */
export type AtlasIndex = z.infer<typeof atlasSchema>;

/** An index with the pixels of its cells. */
export interface Atlas extends AtlasIndex {
  /** (cells, cellSize, cellSize, 4): red, green and blue in 0..1 multiplied by alpha, then alpha. */
  pixels: Float32Array;
  /** The bytes of both files, for hashing. */
  sources: readonly Uint8Array[];
}

const committed = {
  png: fileURLToPath(new URL('./icons.png', import.meta.url)),
  json: fileURLToPath(new URL('./icons.json', import.meta.url)),
};

const rebuild = 'Rebuild both files with `npx tsx train/embedded/build_atlas.ts`.';

/**
 * Reads an atlas: by default the one that comes with the project.
 *
 * @throws DataError when a file is missing or unreadable, or when index and image do not fit together.
 */
export function loadAtlas(files: { png: string; json: string } = committed): Atlas {
  const png = read(files.png);
  const json = read(files.json);
  const index = parseJson(files.json, json.toString(), atlasSchema, rebuild);
  const rgba = decodeRgba(files.png, png);
  const { cellSize, columns, cells } = index;
  const rows = Math.ceil(cells.length / columns);
  if (rgba.width !== columns * cellSize || rgba.height !== rows * cellSize) {
    throw new DataError(
      files.png,
      `is ${rgba.width} x ${rgba.height} pixels, but its index describes ${columns * cellSize} x ${rows * cellSize}`,
      rebuild,
    );
  }
  const pixels = new Float32Array(cells.length * cellSize * cellSize * 4);
  let to = 0;
  for (let cell = 0; cell < cells.length; cell++) {
    const left = (cell % columns) * cellSize;
    const top = Math.floor(cell / columns) * cellSize;
    for (let y = top; y < top + cellSize; y++) {
      for (let x = left; x < left + cellSize; x++, to += 4) {
        const from = (y * rgba.width + x) * 4;
        const alpha = rgba.data[from + 3] / 255;
        for (let channel = 0; channel < 3; channel++) {
          pixels[to + channel] = (rgba.data[from + channel] / 255) * alpha;
        }
        pixels[to + 3] = alpha;
      }
    }
  }
  return { ...index, pixels, sources: [png, json] };
}

/** The cells of each class of the atlas, in class order: groups for `drawScene`. */
export function cellsByClass(atlas: AtlasIndex): number[][] {
  return atlas.classes.map((name) => cellsWhere(atlas, (cell) => cell.class === name));
}

/** The cells of each noun that is no VOC class, one group an icon name: groups for `drawScene`. */
export function cellsByOtherIcon(atlas: AtlasIndex): number[][] {
  const icons = new Set(atlas.cells.filter((cell) => cell.class === null).map((cell) => cell.icon));
  return [...icons].map((icon) => cellsWhere(atlas, (cell) => cell.class === null && cell.icon === icon));
}

function cellsWhere(atlas: AtlasIndex, keep: (cell: AtlasIndex['cells'][number]) => boolean): number[] {
  return atlas.cells.flatMap((cell, index) => (keep(cell) ? [index] : []));
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new DataError(file, `cannot be read (${(error as Error).message})`);
  }
}

function decodeRgba(file: string, bytes: Uint8Array): { width: number; height: number; data: Uint8Array } {
  let image: ReturnType<typeof decode>;
  try {
    image = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new DataError(file, `is not a readable PNG (${(error as Error).message})`);
  }
  const { width, height, palette, depth, channels } = image;
  if (!palette || depth !== 8 || channels !== 1) {
    throw new DataError(file, `has ${channels} channels of ${depth} bits, want an 8-bit palette`);
  }
  const data = new Uint8Array(width * height * 4);
  image.data.forEach((entry, pixel) => {
    const [red, green, blue, alpha = 255] = palette[entry];
    data.set([red, green, blue, alpha], pixel * 4);
  });
  return { width, height, data };
}
