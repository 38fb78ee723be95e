import type { RunConfig } from '../config/config.ts';
import type { DatasetInfo } from '../data/datasets/info.ts';
import type { ConfusionMatrix, EvalReport } from '../evaluation/metrics.ts';
import type { RunHistory } from './run_history.ts';

/** Everything that the page of a run shows. */
export interface ReportData {
  config: RunConfig;
  info: DatasetInfo;
  /** Steps done. */
  step: number;
  adapter: string;
  history: RunHistory;
  evaluation: EvalReport;
  confusion: ConfusionMatrix;
  /** With background as the first class; null where the evaluation is without. */
  confusionWithBackground: ConfusionMatrix | null;
  /** The first images of the split, and those with the lowest scores. */
  first: ExamplePictures[];
  worst: ExamplePictures[];
  aggregation: StageWeights[];
  alignment: Alignment;
  similarity: SimilarityMaps[];
}

/** A picture as `data:` URI with the text that stands for it. */
export interface Panel {
  title: string;
  alt: string;
  uri: string;
}

export interface ExamplePictures {
  name: string;
  /** Mean IoU of the image in percent; null where no pixel counts. */
  score: number | null;
  width: number;
  height: number;
  panels: Panel[];
  /** The classes that occur in truth or prediction. */
  legend: LegendEntry[];
}

export interface LegendEntry {
  name: string;
  unseen: boolean;
  /** `#rrggbb`. */
  colour: string;
  role: 'truth' | 'prediction' | 'both';
}

/** What weighs the blocks of one stage, at the start and now. */
export interface StageWeights {
  /** 1-based. */
  blocks: number[];
  /** Null where the stage has one block or aggregates otherwise. */
  weights: { before: number[]; after: number[] } | null;
}

/** Linear CKA between the tapped features of all blocks, before and after training. */
export interface Alignment {
  /** 1-based. */
  blocks: number[];
  images: number;
  tokens: number;
  before: number[][];
  after: number[][];
}

/** A map over the image with its range before scaling to 0..1. */
export interface MapPanel extends Panel {
  low: number;
  high: number;
}

/** What the model sees similar in one image. */
export interface SimilarityMaps {
  name: string;
  width: number;
  height: number;
  image: Panel;
  /** One row of maps a class of the image. */
  classes: { name: string; unseen: boolean; maps: MapPanel[] }[];
  /** The chosen patch as shares of the image, and its similarity with all others, block by block. */
  patch: { left: number; top: number; width: number; height: number; className: string; maps: MapPanel[] };
}
