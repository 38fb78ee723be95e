import { join } from 'node:path';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import { writeJson } from '../../engine/host/json_file.ts';
import { hexColour, vocColourMap } from '../data/datasets/colour_map.ts';
import { encodePalettePng } from '../data/image/palette_png.ts';
import type { Raster } from '../data/image/raster.ts';
import { writeOverlay } from '../evaluation/overlay.ts';
import { backgroundName } from './class_names.ts';
import type { PictureFile } from './pictures.ts';

/** Where results go. */
export interface ResultFolders {
  overlays: string;
  masks: string;
  /** What the values of masks mean, and the share of each class in each picture. */
  summary: string;
}

export function resultFolders(out: string): ResultFolders {
  return {
    overlays: join(out, 'overlays'),
    masks: join(out, 'masks'),
    summary: join(out, 'predictions.json'),
  };
}

/** What was found in a picture. */
export interface Found {
  file: string;
  width: number;
  height: number;
  overlay: string;
  mask: string;
  /** Shares of the pixels, 0..1, the largest first; classes that do not occur are left out. */
  shares: { name: string; share: number }[];
}

/**
 * Writes overlay and mask of a picture.
 * @param values (height, width): 0 for background, k for the k-th name.
 * @throws DataError where they cannot be written.
 */
export async function writeResults(
  folders: ResultFolders,
  { file, name }: PictureFile,
  picture: Raster,
  values: Uint8Array,
  names: readonly string[],
): Promise<Found> {
  const { width, height } = picture;
  const overlay = join(folders.overlays, `${name}.png`);
  const mask = join(folders.masks, `${name}.png`);
  const palette = vocColourMap(names.length + 1);
  await writeFileAtomic(mask, encodePalettePng(values, picture, palette));
  await writeOverlay(overlay, {
    width,
    height,
    image: picture.data,
    // class k has value k + 1, and background becomes 255, which is no class
    maps: [{ title: 'prediction', labels: values.map((value) => (value + 255) % 256) }],
    palette: palette.slice(1),
    names,
    novel: [],
    uncoloured: backgroundName,
  });
  return { file, width, height, overlay, mask, shares: sharesOf(values, names) };
}

function sharesOf(values: Uint8Array, names: readonly string[]): Found['shares'] {
  const counts = new Float64Array(names.length + 1);
  for (const value of values) counts[value]! += 1;
  return [backgroundName, ...names]
    .map((name, value) => ({ name, share: counts[value]! / values.length }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
}

/** One line: the picture, its size and the classes found. */
export function foundLine({ file, width, height, shares }: Found): string {
  const parts = shares.map(({ name, share }) => `${name} ${percent(share)}`);
  return [file, `${width} x ${height}`, ...parts].join('  ');
}

function percent(share: number): string {
  return share < 0.001 ? '<0.1%' : `${(100 * share).toFixed(1)}%`;
}

/** Writes the summary of all pictures. */
export function writeSummary(
  { summary }: ResultFolders,
  content: {
    checkpoint: string;
    names: readonly string[];
    background: number | null;
    pictures: readonly Found[];
    failures: readonly { file: string; problem: string }[];
  },
): Promise<void> {
  const { checkpoint, names, background, pictures, failures } = content;
  const colours = vocColourMap(names.length + 1);
  const classes = [backgroundName, ...names].map((name, value) => ({
    value,
    name,
    colour: hexColour(colours[value]!),
  }));
  return writeJson(summary, { checkpoint, background, classes, pictures, failures });
}
