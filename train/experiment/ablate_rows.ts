import type { ModelConfig } from '../../model/config.ts';

/** A variant of the model: what it differs in from the embedded default. */
export interface Variant {
  key: string;
  title: string;
  model: Partial<Pick<ModelConfig, 'stages' | 'aggregation' | 'sharedQueries'>>;
}

const allTaps = [[1, 2, 3, 4, 5]];

/**
 * The rows of the paper's ablations at the size of the miniature: its six blocks stand for the twelve of ViT-B/16,
 * its taps after blocks 2 to 6 for those after 6 to 12. Block indices count from 0.
 */
export const variants: readonly Variant[] = [
  { key: 'cascade', title: 'cascade with NGA {2,3} {4,5} {6}', model: {} },
  { key: 'last_layer', title: 'one decoder on the last block', model: { stages: [[5]] } },
  {
    key: 'fusion',
    title: 'all taps summed into one decoder',
    model: { stages: allTaps, aggregation: 'sum' },
  },
  { key: 'no_nga', title: 'cascade without NGA {3} {5} {6}', model: { stages: [[2], [4], [5]] } },
  { key: 'decoders_1', title: '1 decoder with NGA {2-6}', model: { stages: allTaps } },
  { key: 'decoders_2', title: '2 decoders {2-5} {6}', model: { stages: [[1, 2, 3, 4], [5]] } },
  {
    key: 'decoders_2_late',
    title: '2 decoders {4,5} {6}',
    model: { stages: [[3, 4], [5]] },
  },
  {
    key: 'decoders_3_early',
    title: '3 decoders {2} {3-5} {6}',
    model: { stages: [[1], [2, 3, 4], [5]] },
  },
  {
    key: 'decoders_4',
    title: '4 decoders {2,3} {4} {5} {6}',
    model: { stages: [[1, 2], [3], [4], [5]] },
  },
  {
    key: 'decoders_5',
    title: '5 decoders {2} {3} {4} {5} {6}',
    model: { stages: [[1], [2], [3], [4], [5]] },
  },
  { key: 'sum', title: 'cascade, taps of a stage summed', model: { aggregation: 'sum' } },
  { key: 'concat', title: 'cascade, taps of a stage concatenated', model: { aggregation: 'concat' } },
  { key: 'fixed_nga', title: 'cascade, NGA weights fixed', model: { aggregation: 'fixed_gaussian' } },
  { key: 'shared_text', title: 'cascade, one text projection shared', model: { sharedQueries: true } },
];
