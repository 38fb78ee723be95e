import { hexColour } from '../data/datasets/colour_map.ts';
import type { DatasetInfo } from '../data/datasets/info.ts';
import { ignoredLabel } from '../data/labels.ts';
import type { EvalSample } from '../data/loader.ts';
import type { EvaluationHooks, Shown } from '../evaluation/evaluate.ts';
import { addImage, type ConfusionMatrix, confusionMatrix, scores } from '../evaluation/metrics.ts';
import { coloured } from '../evaluation/overlay.ts';
import { pngUri } from './picture.ts';
import type { ExamplePictures, LegendEntry, Panel } from './report_data.ts';

/** An image of the evaluation with how well it went. */
export interface Example extends Shown {
  /** Mean IoU in 0..1 of the classes that occur in truth or prediction; NaN where no pixel counts. */
  score: number;
  /** Pixels that count and are wrong. */
  wrong: number;
}

/** What a report keeps of an evaluation while it runs. */
export interface EvaluationWatch {
  hooks: Required<Pick<EvaluationHooks, 'show' | 'counted'>>;
  /** The first images of the split. */
  first: Example[];
  /** Those with the lowest score, the lowest first; of equals the one with more wrong pixels. */
  worst: Example[];
  /** The first images, as many as give some thousand tokens. */
  samples: EvalSample[];
  confusion: ConfusionMatrix | null;
  confusionWithBackground: ConfusionMatrix | null;
}

/** How many images are shown of the first and of the worst ones. */
const shownImages = 8;
/** Tokens that are enough to compare layers. */
const enoughTokens = 4096;

/** Watches an evaluation: keeps the first images, the worst ones, and the confusion matrices. */
export function watchEvaluation(info: DatasetInfo, patch: number): EvaluationWatch {
  let tokens = 0;
  const watch: EvaluationWatch = {
    first: [],
    worst: [],
    samples: [],
    confusion: null,
    confusionWithBackground: null,
    hooks: {
      show: async (shown) => {
        const example = { ...shown, ...judge(shown, info) };
        if (watch.first.length < shownImages) watch.first.push(example);
        if (tokens < enoughTokens) watch.samples.push(shown.sample);
        tokens += Math.floor(shown.sample.height / patch) * Math.floor(shown.sample.width / patch);
        if (Number.isNaN(example.score)) return;
        watch.worst.push(example);
        watch.worst.sort((a, b) => a.score - b.score || b.wrong - a.wrong);
        watch.worst.length = Math.min(watch.worst.length, shownImages);
      },
      counted: (counts, withBackground) => {
        watch.confusion = counts;
        watch.confusionWithBackground = withBackground;
      },
    },
  };
  return watch;
}

function judge({ truth, prediction }: Shown, { classes, novel }: DatasetInfo) {
  const matrix = confusionMatrix(classes.length);
  addImage(matrix, truth, prediction);
  const wrong = truth.reduce(
    (sum, label, pixel) => sum + Number(label !== ignoredLabel && label !== prediction[pixel]),
    0,
  );
  return { score: scores(matrix, novel).mean, wrong };
}

/** Draws an example: image, truth, prediction where pixels count, and the prediction that may be background. */
export async function examplePictures(example: Example, info: DatasetInfo): Promise<ExamplePictures> {
  const { sample, truth, withBackground, score } = example;
  const prediction = example.prediction.map((label, pixel) =>
    truth[pixel] === ignoredLabel ? ignoredLabel : label,
  );
  const { originalHeight: height, originalWidth: width, rgb, name } = sample;
  const panel = async (title: string, labels: Uint8Array | null): Promise<Panel> => ({
    title,
    alt: labels ? `${title}: ${classNames(labels, info)}` : `${title} ${name}`,
    uri: await pngUri({ height, width, data: labels ? coloured(rgb, labels, info.palette) : rgb }),
  });
  return {
    name,
    score: Number.isNaN(score) ? null : score * 100,
    width,
    height,
    panels: [
      await panel('image', null),
      await panel('truth', truth),
      await panel('prediction', prediction),
      ...(withBackground ? [await panel('with background', withBackground)] : []),
    ],
    legend: legendOf(truth, [...prediction, ...(withBackground ?? [])], info),
  };
}

function legendOf(truth: Uint8Array, prediction: readonly number[], info: DatasetInfo): LegendEntry[] {
  const inTruth = new Set(truth);
  const predicted = new Set(prediction);
  return info.classes.flatMap((name, id) => {
    if (!inTruth.has(id) && !predicted.has(id)) return [];
    const role = !predicted.has(id) ? 'truth' : inTruth.has(id) ? 'both' : 'prediction';
    return [{ name, unseen: info.novel.includes(id), colour: hexColour(info.palette[id]!), role } as const];
  });
}

function classNames(labels: Uint8Array, { classes }: DatasetInfo): string {
  const present = new Set(labels);
  return classes.filter((_, id) => present.has(id)).join(', ') || 'no class';
}
