/**
 * Draws scenes with their masks on one sheet, to look at:
 * `npx tsx train/embedded/preview.ts --count 60 --size 48 --split val`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Random } from '../../engine/random.ts';
import { type Atlas, cellsByOtherIcon, loadAtlas } from './atlas.ts';
import { buildStyleAtlas } from './atlas_builder.ts';
import { contactSheet } from './contact_sheet.ts';
import { type EmbeddedSplit, splitScenes } from './generate.ts';
import { drawScene, type Scene, singleObject } from './scenes.ts';

interface PreviewOptions {
  count: number;
  size: number;
  seed: number;
  zoom: number;
  columns: number;
  split: EmbeddedSplit | 'other';
  style?: string;
  out: string;
}

const options = new Command('preview')
  .option('--count <n>', 'scenes', wholeNumber, 60)
  .option('--size <pixels>', 'side of a scene', wholeNumber, 48)
  .option('--seed <n>', 'seed of the data set', wholeNumber, 0)
  .option('--zoom <n>', 'pixels shown for each pixel', wholeNumber, 2)
  .option('--columns <n>', 'scenes in a row', wholeNumber, 8)
  .addOption(
    new Option('--split <name>', 'which scenes; other: single nouns that are no VOC class')
      .choices(['train', 'val', 'tune', 'other'])
      .default('val'),
  )
  .option('--style <set>', 'an installed icon set instead of the atlas of the project')
  .option('--out <file>', 'where to write the sheet', '.cache/preview.png')
  .parse()
  .opts<PreviewOptions>();

const atlas = options.style ? await buildStyleAtlas('.cache/styles', options.style) : loadAtlas();
const draw = options.split === 'other' ? otherScenes(atlas) : splitScenes(atlas, options, options.split);
const scenes = Array.from({ length: options.count }, (_, index) => draw(index));
mkdirSync(dirname(options.out), { recursive: true });
writeFileSync(options.out, contactSheet(scenes, options.size, options.columns, options.zoom));
console.log(options.out);

function otherScenes(source: Atlas): (index: number) => Scene {
  const groups = cellsByOtherIcon(source);
  return (index) => {
    const group = groups[index % groups.length];
    const pickCell = (random: Random) => group[random.integer(0, group.length)];
    const random = new Random(options.seed, index);
    return drawScene(random, { atlas: source, size: options.size, crowds: singleObject, pickCell });
  };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('Want a whole number.');
  return value;
}
