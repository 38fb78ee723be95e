import { formatTable } from '../host/table.ts';
import type { Report } from './diagnose.ts';

const WIDTH = 110;

/** A report as an aligned table of two columns, with what is wrong at its end. */
export function formatReport(report: Report): string {
  const { node, system, tools, packages, adapters, adapter, compute } = report;
  const rows: [string, string][] = [
    ['Node', `${node.version} (${node.ok ? 'wanted' : 'TOO OLD: wanted'} ${node.wanted})`],
    ['System', `${system.name}, ${system.kernel}`],
    ['Processor', `${system.cpu}, ${system.cores} cores`],
    ['Memory', `${system.memoryGiB} GiB, ${system.freeGiB} GiB free`],
    ['Tools', list(Object.entries(tools).map(([name, version]) => `${name} ${version ?? 'missing'}`))],
    [
      'Packages',
      list(
        packages.map(
          (p) =>
            `${p.name} ${p.installed ?? 'MISSING'}${p.installed === p.wanted ? '' : ` (wanted ${p.wanted})`}`,
        ),
      ),
    ],
    ['Adapters', list(adapters.map((found) => `${found.name} (${found.backend})`)) || 'none'],
  ];
  if (adapter) {
    rows.push(
      ['Adapter', adapter.device],
      ['Vendor', adapter.vendor],
      ['Architecture', `${adapter.architecture}${adapter.software ? ' (computes on the CPU)' : ''}`],
      ['Driver', adapter.driver],
      ['Backend', adapter.backend],
      [
        'Subgroups',
        adapter.subgroups ? `${adapter.subgroups.min} to ${adapter.subgroups.max} lanes` : 'none',
      ],
      ['Features', list(adapter.features)],
      ...Object.entries(adapter.limits).map(([name, value]): [string, string] => [name, size(name, value)]),
    );
  }
  if (compute) {
    rows.push([
      'Compute check',
      `${compute.ok ? 'right' : `WRONG: ${compute.problem}`} (${compute.milliseconds.toFixed(0)} ms)`,
    ]);
  }
  const column = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.flatMap(([name, value]) =>
    wrap(value, WIDTH - column).map((line, i) => [i === 0 ? name : '', line]),
  );
  const ends = [
    ...report.notes.map((note) => `\nNote: ${note}`),
    ...report.problems.map(({ problem, hint }) => `\nProblem: ${problem}\n${hint}`),
  ];
  return [formatTable(lines, ['left', 'left']), ...ends, report.ok ? '\nAll is well.' : '']
    .join('\n')
    .trimEnd();
}

function list(items: readonly string[]): string {
  return items.join(', ');
}

function size(name: string, value: number): string {
  const isBytes = /Size$/.test(name);
  if (isBytes && value >= 2 ** 20) return `${value} (${Math.round(value / 2 ** 20)} MiB)`;
  return isBytes && value >= 2 ** 10 ? `${value} (${value / 2 ** 10} KiB)` : String(value);
}

/** Breaks a line at spaces; a longer word keeps its length. */
function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
