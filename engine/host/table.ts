export type Alignment = 'left' | 'right';

/** A column of a table whose rows are printed one by one. */
export interface Column {
  width: number;
  alignment: Alignment;
}

/** Cells as a line of text, two spaces between columns; missing cells are empty. */
export function formatRow(cells: readonly string[], columns: readonly Column[]): string {
  return columns
    .map(({ width, alignment }, i) => {
      const cell = cells[i] ?? '';
      return alignment === 'left' ? cell.padEnd(width) : cell.padStart(width);
    })
    .join('  ')
    .trimEnd();
}

/** Rows of cells as lines of text, each column as wide as its widest cell. */
export function formatTable(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string {
  const columns = alignments.map((alignment, i) => ({
    alignment,
    width: Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  }));
  return rows.map((row) => formatRow(row, columns)).join('\n');
}

/** Rows of cells as a table in Markdown, the first of them its titles. */
export function markdownTable(
  [titles, ...rows]: readonly (readonly string[])[],
  alignments: readonly Alignment[],
): string {
  const rule = alignments.map((alignment) => (alignment === 'left' ? '---' : '---:'));
  return [titles, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** A figure with two or three digits; - where there is none. */
export function digits(value: number | null): string {
  if (value === null) return '-';
  if (value === 0 || value >= 100) return value.toFixed(0);
  if (value < 0.001) return value.toExponential(1);
  return value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toPrecision(2);
}
