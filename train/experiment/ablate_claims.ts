import { formatTable } from '../../engine/host/table.ts';
import { type FigureName, formatSummary, type Row, summarise } from './figures.ts';

/** The paper says that one variant does better than another. Li et al. 2024 (ICML), ablations. */
export interface Claim {
  text: string;
  better: string;
  worse: string;
  figure: FigureName;
}

/** The claims of the paper that the rows can be held against. */
export const claims: readonly Claim[] = [
  {
    text: 'cascaded decoders beat one on the last block',
    better: 'no_nga',
    worse: 'last_layer',
    figure: 'hiou',
  },
  {
    text: 'plain fusion of many blocks hurts unseen classes',
    better: 'last_layer',
    worse: 'fusion',
    figure: 'unseen',
  },
  { text: 'a cascade beats plain fusion', better: 'cascade', worse: 'fusion', figure: 'hiou' },
  { text: 'NGA improves the cascade', better: 'cascade', worse: 'no_nga', figure: 'hiou' },
  ...['decoders_1', 'decoders_2', 'decoders_2_late', 'decoders_3_early', 'decoders_4', 'decoders_5'].map(
    (worse) => ({
      text: `three decoders as published beat ${worse}`,
      better: 'cascade',
      worse,
      figure: 'hiou' as const,
    }),
  ),
  { text: 'NGA beats the sum', better: 'cascade', worse: 'sum', figure: 'hiou' },
  { text: 'NGA beats concatenation', better: 'cascade', worse: 'concat', figure: 'hiou' },
  { text: 'learnt NGA weights beat fixed ones', better: 'cascade', worse: 'fixed_nga', figure: 'hiou' },
  {
    text: 'independent text projections beat a shared one',
    better: 'cascade',
    worse: 'shared_text',
    figure: 'hiou',
  },
];

/** `agrees` or `contradicts` where all seeds say so, else `open`. */
export type Verdict = 'agrees' | 'contradicts' | 'open';

/** A claim with what the miniature says to it. */
export interface Checked extends Claim {
  /** Figure of the better variant minus that of the worse one, for each seed. */
  differences: (number | null)[];
  verdict: Verdict;
}

/** Holds the claims against the rows, seed by seed; claims about rows that are not there are left out. */
export function checkClaims(rows: readonly Row[], wanted: readonly Claim[] = claims): Checked[] {
  return wanted.flatMap((claim) => {
    const [better, worse] = [claim.better, claim.worse].map((key) => rows.find((row) => row.key === key));
    if (!better || !worse) return [];
    const differences = better.figures.map((figures, index) => {
      const [a, b] = [figures[claim.figure], worse.figures[index]?.[claim.figure] ?? null];
      return a === null || b === null ? null : a - b;
    });
    return [{ ...claim, differences, verdict: verdictOf(differences) }];
  });
}

function verdictOf(differences: readonly (number | null)[]): Verdict {
  if (differences.length < 2) return 'open';
  if (differences.every((value) => value !== null && value > 0)) return 'agrees';
  return differences.every((value) => value !== null && value < 0) ? 'contradicts' : 'open';
}

/** The claims as text; says plainly how often the miniature does not agree. */
export function claimTable(checked: readonly Checked[]): string {
  const title: Record<FigureName, string> = {
    seen: 'seen',
    unseen: 'unseen',
    hiou: 'hIoU',
    background: 'hIoU with background',
  };
  const lines = checked.map(({ text, figure, differences, verdict }) => [
    verdict,
    text,
    title[figure],
    formatSummary(summarise(differences)),
  ]);
  const count = (verdict: Verdict): number => checked.filter((claim) => claim.verdict === verdict).length;
  const seeds = Math.max(0, ...checked.map(({ differences }) => differences.length));
  return [
    formatTable(
      [['miniature', 'what the paper claims', 'figure', 'difference'], ...lines],
      ['left', 'left', 'left', 'right'],
    ),
    '',
    `The miniature agrees with ${count('agrees')} of ${checked.length} claims, contradicts ${count('contradicts')}, and leaves ${count('open')} open.`,
    chanceOf(seeds),
  ].join('\n');
}

/** How much the verdicts of so many seeds are worth. */
function chanceOf(seeds: number): string {
  if (seeds < 2) {
    return 'Nothing can be concluded from one seed, so every claim is open; --seeds 0,1,2 trains with three.';
  }
  const percent = Math.round(100 * 2 ** (1 - seeds));
  return `A claim is open unless all seeds have the same sign; with ${seeds} seeds and no true difference that still happens in ${percent}% of cases.`;
}
