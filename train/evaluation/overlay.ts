import sharp from 'sharp';
import { ShapeError } from '../../engine/errors.ts';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import type { Rgb } from '../data/datasets/info.ts';
import { drawText, isDrawable, textSize } from './bitmap_font.ts';

/** Class ids of an image; those without a class, such as 255, stay uncoloured. */
export interface LabelMap {
  title: string;
  /** (height, width). */
  labels: Uint8Array;
}

/** An image with maps of its classes, such as truth and prediction. */
export interface OverlayInput {
  height: number;
  width: number;
  /** (height, width, 3), RGB. */
  image: Uint8Array;
  maps: readonly LabelMap[];
  palette: readonly Rgb[];
  names: readonly string[];
  /** Ids of the unseen classes, which the legend marks with *. */
  novel: readonly number[];
  /** What the legend says of pixels without a class; nothing by default. */
  uncoloured?: string;
}

/** A picture of 8-bit RGB. */
export interface Picture {
  width: number;
  height: number;
  /** (height, width, 3). */
  data: Uint8Array;
}

/** Small images are enlarged by a whole factor until their short side has this many pixels. */
const leastSide = 240;
/** ... but not so far that the long side has more than this many. */
const longestSide = 2048;
/** Text grows by one whole step for every so many pixels of a panel's short side, to stay readable in photographs. */
const sideOfStep = 512;
const colourShare = 0.65;
const black: Rgb = [0, 0, 0];
/** Middle of what pixels without a class become. */
const pale: Rgb = [214, 214, 214];

/** Lengths of the layout in pixels. */
interface Layout {
  gap: number;
  textScale: number;
  lineHeight: number;
  swatch: number;
}

function layoutFor(shortSide: number): Layout {
  const step = Math.max(1, Math.round(shortSide / sideOfStep));
  return { gap: 8 * step, textScale: 2 * step, lineHeight: 22 * step, swatch: 16 * step };
}

/**
 * Draws the image and each map side by side, classes in their palette colours over the image, with a legend of the
 * classes that occur in any map. A name that the font cannot draw stands there as its number, 1 for the first.
 * @throws ShapeError where the maps do not have the image's size.
 */
export function drawOverlay(input: OverlayInput): Picture {
  const { height, width, image, maps, palette } = input;
  checkSize('image', image, height * width * 3);
  for (const { title, labels } of maps) checkSize(title, labels, height * width);
  const factor = Math.max(
    1,
    Math.min(
      Math.ceil(leastSide / Math.min(height, width)),
      Math.floor(longestSide / Math.max(height, width)),
    ),
  );
  const panelWidth = width * factor;
  const panelHeight = height * factor;
  const layout = layoutFor(Math.min(panelWidth, panelHeight));
  const { gap, lineHeight, swatch, textScale } = layout;
  // the titles of narrow panels must not run into each other
  const titles = ['image', ...maps.map(({ title }) => title)];
  const slot = Math.max(panelWidth, ...titles.map((title) => textSize(title, textScale).width));
  const totalWidth = titles.length * slot + (titles.length + 1) * gap;
  const legend = layOutLegend(input, totalWidth, layout);
  const legendTop = gap + lineHeight + panelHeight + gap;
  const picture = blank(totalWidth, legendTop + legend.lines * lineHeight + gap);
  const panels = [
    { title: 'image', pixels: image },
    ...maps.map(({ title, labels }) => ({ title, pixels: coloured(image, labels, palette) })),
  ];
  for (const [index, { title, pixels }] of panels.entries()) {
    const left = gap + index * (slot + gap);
    write(picture, title, left, gap, textScale);
    for (let y = 0; y < panelHeight; y++) {
      const source = Math.floor(y / factor) * width;
      for (let x = 0; x < panelWidth; x++) {
        const from = (source + Math.floor(x / factor)) * 3;
        const to = ((gap + lineHeight + y) * totalWidth + left + x) * 3;
        for (let channel = 0; channel < 3; channel++) picture.data[to + channel] = pixels[from + channel]!;
      }
    }
  }
  for (const { text, colour, left, line } of legend.entries) {
    const top = legendTop + line * lineHeight;
    if (colour) fill(picture, left, top, swatch, swatch, colour);
    write(picture, text, left + (colour ? swatch + gap : 0), top, textScale);
  }
  return picture;
}

/**
 * Writes the picture of {@link drawOverlay} as PNG.
 * @throws DataError where the file cannot be written.
 */
export async function writeOverlay(file: string, input: OverlayInput): Promise<void> {
  const { width, height, data } = drawOverlay(input);
  const png = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png()
    .toBuffer();
  await writeFileAtomic(file, png);
}

interface LegendEntry {
  text: string;
  /** Colour of the square before the text; null: no square. */
  colour: Rgb | null;
  left: number;
  line: number;
}

/** Puts the classes that occur into lines as wide as the picture. */
function layOutLegend(
  { maps, palette, names, novel, uncoloured }: OverlayInput,
  totalWidth: number,
  { gap, textScale, swatch }: Layout,
) {
  const present = new Set<number>();
  for (const { labels } of maps) for (const label of labels) present.add(label);
  const items: { text: string; colour: Rgb | null }[] = names
    .map((name, id) => ({ id, name }))
    .filter(({ id }) => present.has(id))
    .map(({ id, name }) => {
      const text = isDrawable(name) ? name : `class ${id + 1}`;
      return { text: novel.includes(id) ? `${text} *` : text, colour: palette[id] ?? null };
    });
  if (uncoloured !== undefined && [...present].some((id) => id >= names.length)) {
    items.push({ text: uncoloured, colour: pale });
  }
  if (novel.some((id) => present.has(id))) items.push({ text: '(* unseen)', colour: null });
  const entries: LegendEntry[] = [];
  let left = gap;
  let line = 0;
  for (const { text, colour } of items) {
    const width = textSize(text, textScale).width + (colour ? swatch + gap : 0);
    if (left > gap && left + width + gap > totalWidth) {
      left = gap;
      line += 1;
    }
    entries.push({ text, colour, left, line });
    left += width + 2 * gap;
  }
  return { entries, lines: line + 1 };
}

/**
 * The image without its colours, each pixel tinted by its class, so that no colour is taken for another class's;
 * pixels without a class are pale grey.
 */
export function coloured(image: Uint8Array, labels: Uint8Array, palette: readonly Rgb[]): Uint8Array {
  const result = new Uint8Array(image.length);
  for (const [pixel, label] of labels.entries()) {
    const at = pixel * 3;
    const colour = palette[label];
    const grey = 0.299 * image[at]! + 0.587 * image[at + 1]! + 0.114 * image[at + 2]!;
    for (let channel = 0; channel < 3; channel++) {
      const tinted = colour ? grey + (colour[channel]! - grey) * colourShare : 176 + 0.3 * grey;
      result[at + channel] = Math.round(tinted);
    }
  }
  return result;
}

function blank(width: number, height: number): Picture {
  return { width, height, data: new Uint8Array(width * height * 3).fill(255) };
}

function fill(picture: Picture, left: number, top: number, width: number, height: number, colour: Rgb): void {
  for (let y = top; y < top + height; y++) {
    for (let x = left; x < left + width; x++) picture.data.set(colour, (y * picture.width + x) * 3);
  }
}

/** Text that would go beyond the picture is cut there. */
function write(picture: Picture, text: string, left: number, top: number, scale: number): void {
  drawText(text, scale, (x, y) => {
    if (left + x < picture.width) picture.data.set(black, ((top + y) * picture.width + left + x) * 3);
  });
}

function checkSize(name: string, values: Uint8Array, wanted: number): void {
  if (values.length !== wanted)
    throw new ShapeError(`overlay: ${name} has ${values.length} values, wanted ${wanted}`);
}
