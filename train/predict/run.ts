import { DataError } from '../../engine/errors.ts';
import { loadModelFile } from '../checkpoint.ts';
import { datasetInfo } from '../data/datasets/info.ts';
import { readImage } from '../data/image/decode.ts';
import { INTERRUPTED, watchInterrupt } from '../io/interrupt.ts';
import { makeOutputFolder } from '../io/output.ts';
import { openSavedModel } from '../saved_model.ts';
import { earlierResults, removeEarlier } from './earlier.ts';
import { namePenalties, namesForClip, predictionText } from './embeddings.ts';
import { listPictures, othersText, requireApart } from './pictures.ts';
import { type PredictRequest, resolvePredict } from './resolve.ts';
import { type Found, foundLine, resultFolders, writeResults, writeSummary } from './results.ts';
import { segment } from './segment.ts';

/**
 * Segments pictures and writes overlays, masks and a summary. A picture that cannot be read does not keep the others
 * from being segmented; it is named at the end.
 * @param say receives a line for each picture.
 * @returns the exit code: 1 where a picture failed.
 */
export async function predict(request: PredictRequest, say: (line: string) => void): Promise<number> {
  const { checkpoint, images, out } = request;
  const { pictures, others } = listPictures(images);
  const folders = resultFolders(out);
  requireApart(pictures, [folders.overlays, folders.masks]);
  const earlier = earlierResults(folders);
  const weights = await loadModelFile(checkpoint);
  const resolved = resolvePredict(request, weights);
  const { config, background } = resolved;
  const names = request.names ?? [...datasetInfo(config.dataset).classes];
  const model = await openSavedModel(weights, config, (engine) =>
    predictionText(engine, weights, resolved, names),
  );
  const clip = request.overrides.findLast(({ path }) => path === 'data.clip');
  if (typeof clip?.value === 'string' && namesForClip(names, weights, config).length === 0) {
    say(`${clip.origin}: not needed and not opened, ${checkpoint} has embeddings of all names`);
  }
  const interrupt = watchInterrupt(say, 'this picture');
  const found: Found[] = [];
  const failures: { file: string; problem: string }[] = [];
  try {
    for (const folder of [folders.overlays, folders.masks]) await makeOutputFolder(folder, '--out');
    if (earlier !== null)
      say(`replaces the earlier results of ${count(earlier.pictures, 'picture')} in ${out}`);
    const penalty = model.engine.tensor(namePenalties(names, config), [names.length]);
    say(
      `${count(pictures.length, 'picture')}, ${count(names.length, 'class')}${background === null ? '' : ` and background below ${background}`}, adapter ${model.engine.gpu.device.name}`,
    );
    if (others.files + others.folders > 0) say(`${othersText(others)} not taken`);
    for (const [index, picture] of pictures.entries()) {
      if (interrupt.asked()) break;
      const place = `${String(index + 1).padStart(String(pictures.length).length)}/${pictures.length}`;
      try {
        const image = await readImage(picture.file);
        const values = await segment({ model, penalty, background }, image, picture.file);
        found.push(await writeResults(folders, picture, image, values, names));
        say(`${place}  ${foundLine(found.at(-1)!)}`);
      } catch (error) {
        // anything wrong with another file, such as a full disk, would happen again
        if (!(error instanceof DataError && error.file === picture.file)) throw error;
        failures.push({ file: picture.file, problem: error.problem });
        say(`${place}  ${picture.file}  failed`);
      }
    }
  } finally {
    interrupt.close();
    try {
      // what is done stays of use where the rest fails
      if (found.length + failures.length > 0) {
        await writeSummary(folders, { checkpoint, names, background, pictures: found, failures });
        if (earlier !== null)
          removeEarlier(
            earlier,
            found.flatMap(({ overlay, mask }) => [overlay, mask]),
          );
      }
    } finally {
      await model.close();
    }
  }
  say(`${count(found.length, 'picture')} in ${out}: overlays/, masks/, predictions.json`);
  if (failures.length > 0) {
    say(`${count(failures.length, 'picture')} failed:`);
    for (const { file, problem } of failures) say(`  ${file}: ${problem}`);
  }
  const left = pictures.length - found.length - failures.length;
  if (left > 0) say(`${count(left, 'picture')} left out by the interruption`);
  return left > 0 ? INTERRUPTED : failures.length > 0 ? 1 : 0;
}

function count(number: number, noun: string): string {
  const plural = noun.endsWith('s') ? `${noun}es` : `${noun}s`;
  return `${number} ${number === 1 ? noun : plural}`;
}
