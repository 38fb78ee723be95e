import { readFile } from 'node:fs/promises';
import type { Engine } from '../../engine/engine.ts';
import { l2norm } from '../../engine/ops/index.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { Weights } from '../../model/store.ts';
import { meanOverTemplates, textFeatures, tokenBatch } from '../../model/text.ts';
import { tokenize } from '../../model/tokenizer.ts';
import { addImage, confusionMatrix, scores } from '../../train/metrics.ts';
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
  const under = (prefix: string): Weights => ({
    get: (name) => parameters.get(`${prefix}.${name}`)!,
    under: (more) => under(`${prefix}.${more}`),
  });
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
  const features = textFeatures(engine, batch, under('text_encoder'), config);
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

/** The confusion-matrix part of an analysis fixture. */
export function checkMiou(fixture: Fixture, result: Comparisons): void {
  const { miou } = fixture.json as unknown as { miou: MiouJson };
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
    result.same('tokenizer', JSON.stringify(text), tokenize([text], { context }), padded);
  }
}
