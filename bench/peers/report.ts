import { digits, markdownTable } from '../../engine/host/table.ts';
import type { PeerRow } from './race.ts';

/** Where and when the results were measured. */
export interface Conditions {
  adapter: string;
  cpu: string;
  cores: number;
  node: string;
  /** Timed runs of each. */
  runs: number;
  /** Load averages of the last minute; above the number of cores the times are those of a busy machine. */
  loadBefore: number;
  loadAfter: number;
}

export interface PeersReport {
  conditions: Conditions;
  /** Name and version of each, ours first. */
  racers: string[];
  rows: PeerRow[];
}

/** The results of one piece of work as lines. */
export function workText(rows: readonly PeerRow[]): string {
  const width = Math.max(...rows.map(({ racer }) => racer.length));
  const lines = rows.map((row) => {
    const figures =
      row.reason === null
        ? [
            `${digits(row.ms)} ms`.padStart(10),
            `${digits(row.ratio)} x`.padStart(8),
            `error ${power(row.maxError)}`,
            ...(row.gflops === null ? [] : [`${digits(row.gflops)} GFLOP/s`.padStart(13)]),
            `first ${digits(row.firstMs)} ms`,
            ...(row.note === null ? [] : [row.note]),
          ]
        : [row.reason];
    return `  ${row.racer.padEnd(width)}  ${figures.join('  ')}`;
  });
  return [rows[0].work, ...lines].join('\n');
}

export function reportJson(report: PeersReport): string {
  const { rows, ...rest } = report;
  const head = JSON.stringify(rest, null, 1).replace(/\n}$/, '');
  return `${head},\n "rows": [\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(',\n')}\n ]\n}\n`;
}

/** Times, then errors, each with a row for each piece of work; what is missing is explained below. */
export function reportMarkdown({ conditions, racers, rows }: PeersReport): string {
  const names = [...new Set(rows.map(({ work }) => work))];
  const table = (cell: (row: PeerRow) => string): string =>
    markdownTable(
      [
        ['work', ...racers],
        ...names.map((name) => [
          name,
          ...racers.map((racer) => {
            const row = rows.find((each) => each.work === name && each.racer === racer);
            return row ? cell(row) : '';
          }),
        ]),
      ],
      ['left', ...racers.map(() => 'right' as const)],
    );
  const { adapter, cpu, cores, node, runs, loadBefore, loadAfter } = conditions;
  const remarks = rows.flatMap(({ racer, work, reason, note }) => {
    const remark = reason ?? note;
    return remark === null ? [] : [`- ${racer}, ${work}: ${remark}`];
  });
  return `# Peers on ${adapter}

${cpu}, ${cores} cores, Node ${node}. Median of ${runs} runs in turns, each contender in a process of its own, all waiting
without spinning. Load average ${loadBefore.toFixed(1)} before and ${loadAfter.toFixed(1)} after.

## Milliseconds, and how many times ours

${table(({ ms, ratio, reason }) => (reason === null ? `${digits(ms)}${ratio === 1 || ratio === null ? '' : ` (${digits(ratio)} x)`}` : '-'))}

## Largest error, relative to the largest value of the float64 result

${table(({ maxError }) => power(maxError))}
${remarks.length === 0 ? '' : `\n## Remarks\n\n${remarks.join('\n')}\n`}`;
}

function power(value: number | null): string {
  return value === null ? '-' : value.toExponential(1);
}
