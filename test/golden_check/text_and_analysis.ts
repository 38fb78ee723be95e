import { readFile } from 'node:fs/promises';
import type { Engine } from '../../engine/engine.ts';
import { l2norm, resize } from '../../engine/ops/index.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { weightsBelow } from '../../model/store.ts';
import { meanOverTemplates, textFeatures, tokenBatch } from '../../model/text.ts';
import { clipTokenizer } from '../../model/tokenizer/tokenizer.ts';
import { addImage, confusionMatrix, scores } from '../../train/evaluation/metrics.ts';
import { cosineMaps, linearCka, minMax, patchCosineMap } from '../../train/report/analysis.ts';
import type { Comparisons } from './compare.ts';
import { below, type Fixture, shapeOf, values } from './fixture.ts';

interface TextJson {
  config: {
    text_width: number;
    text_layers: number;
    text_heads: number;
    text_context: number;
    text_vocab: number;
  };
  templates_per_class: number;
  eot: number;
}

/** Text tower: token ids to features, unit embeddings, and class embeddings over templates. */
export async function checkTextTower(engine: Engine, fixture: Fixture, result: Comparisons): Promise<void> {
  const { config: c, templates_per_class: templates, eot } = fixture.json as unknown as TextJson;
  const parameters = new Map<string, Tensor>();
  for (const [name, { shape, data }] of below(fixture, 'param/')) {
    parameters.set(name, engine.parameter(name, data as Float32Array<ArrayBuffer>, shape, false));
  }
  const tower = weightsBelow((name) => parameters.get(name)!, 'text_encoder');
  const config = {
    width: c.text_width,
    layers: c.text_layers,
    heads: c.text_heads,
    embedDim: shapeOf(fixture, 'features')[1],
    contextLength: c.text_context,
    vocabularySize: c.text_vocab,
  };
  const ids = values(fixture, 'ids') as Int32Array;
  const batch = tokenBatch(engine, ids, shapeOf(fixture, 'ids')[1], eot);
  const features = textFeatures(engine, batch, tower, config);
  const embeddings = l2norm({ x: features });
  result.close('text', 'features', await features.read(), values(fixture, 'features'), 2e-5);
  const unit = await embeddings.read();
  result.close('text', 'embeddings', unit, values(fixture, 'embeddings'), 2e-5);
  const [rows, width] = shapeOf(fixture, 'embeddings');
  const classes = rows / templates;
  const perTemplate = Array.from({ length: templates }, (_, t) => {
    const own = Array.from({ length: classes }, (_, k) => {
      const row = k * templates + t;
      return [...unit.subarray(row * width, (row + 1) * width)];
    });
    return engine.tensor(Float32Array.from(own.flat()), [classes, width]);
  });
  const mean = meanOverTemplates(engine, perTemplate);
  result.close('text', 'class_embeddings', await mean.read(), values(fixture, 'class_embeddings'), 2e-5);
}

interface AnalysisJson {
  cka?: number[][];
  cos_patch_query_index?: number;
  cos_grid?: [number, number];
  miou?: MiouJson;
}

/** Linear CKA, cosine maps and the confusion-matrix example: whichever of them a fixture holds. */
export async function checkAnalysis(engine: Engine, fixture: Fixture, result: Comparisons): Promise<void> {
  const json = fixture.json as unknown as AnalysisJson;
  if (json.cka) await checkCka(engine, fixture, json.cka, result);
  if (json.cos_grid) await checkCosines(engine, fixture, json, result);
  if (json.miou) checkMiou(fixture, json.miou, result);
}

async function checkCka(
  engine: Engine,
  fixture: Fixture,
  truth: number[][],
  result: Comparisons,
): Promise<void> {
  const features = truth.map((_, set) => upload(engine, fixture, `features/${set}`));
  const found = (await linearCka(engine, features)).flat();
  result.close('cka', 'cka', found, truth.flat(), 1e-5);
  result.close('cka', 'cka as stored', found, values(fixture, 'cka'), 1e-5);
}

async function checkCosines(
  engine: Engine,
  fixture: Fixture,
  { cos_grid, cos_patch_query_index: patch }: AnalysisJson,
  result: Comparisons,
): Promise<void> {
  const [rows, cols] = cos_grid!;
  const [classes, height, width] = shapeOf(fixture, 'cos/text_maps_upsampled');
  const grid = { features: upload(engine, fixture, 'cos/features'), rows, cols };
  const { maps, upsampled, patches } = await engine.fetch(() => {
    const maps = cosineMaps(grid, upload(engine, fixture, 'cos/text'));
    return { maps, upsampled: resize({ x: maps, height, width }), patches: patchCosineMap(grid, patch!) };
  });
  const scaled = Array.from({ length: classes }, (_, id) => [
    ...minMax(maps.subarray(id * rows * cols, (id + 1) * rows * cols)).scaled,
  ]);
  result.close('cosine', 'cos/text_maps', maps, values(fixture, 'cos/text_maps'), 1e-5);
  result.close(
    'cosine',
    'cos/text_maps_minmax',
    scaled.flat(),
    values(fixture, 'cos/text_maps_minmax'),
    2e-5,
  );
  result.close(
    'cosine',
    'cos/text_maps_upsampled',
    upsampled,
    values(fixture, 'cos/text_maps_upsampled'),
    1e-5,
  );
  result.close('cosine', 'cos/patch_map', patches, values(fixture, 'cos/patch_map'), 1e-5);
}

function upload(engine: Engine, fixture: Fixture, key: string): Tensor {
  return engine.tensor(values(fixture, key), shapeOf(fixture, key));
}

interface MiouJson {
  classes: number;
  iou: (number | null)[];
  novel: number[];
  pixel_accuracy: number;
  miou_seen: number;
  miou_novel: number;
  hiou: number;
  miou_all: number;
}

function checkMiou(fixture: Fixture, miou: MiouJson, result: Comparisons): void {
  const matrix = confusionMatrix(miou.classes);
  addImage(matrix, values(fixture, 'miou/gt'), values(fixture, 'miou/pred'));
  const found = scores(matrix, miou.novel);
  const finite = (list: readonly (number | null)[]): number[] =>
    list.map((v) => (v === null || Number.isNaN(v) ? -1 : v));
  result.close('miou', 'iou', finite(found.iou), finite(miou.iou), 1e-9);
  const summary = [found.pixelAccuracy, found.seen, found.unseen, found.harmonic, found.mean];
  const truth = [miou.pixel_accuracy, miou.miou_seen, miou.miou_novel, miou.hiou, miou.miou_all];
  result.close('miou', 'means', summary, truth, 1e-9);
}

interface TokenRow {
  text: string;
  ids: number[];
}

/** Strings to ids, padded with zeros. */
export async function checkTokenizer(file: string, result: Comparisons): Promise<void> {
  const { rows } = JSON.parse(await readFile(file, 'utf8')) as { rows: TokenRow[] };
  for (const { text, ids } of rows) {
    const context = Math.max(77, ids.length);
    const padded = Int32Array.from({ length: context }, (_, i) => ids[i] ?? 0);
    result.same('tokenizer', JSON.stringify(text), clipTokenizer.tokenize([text], context), padded);
  }
}
