import { at, html, type Markup } from './markup.ts';

export interface HeatMap {
  /** What the picture says, for those who do not see it. */
  label: string;
  rows: readonly HeatLabel[];
  columns: readonly HeatLabel[];
  /** 0..1, one a cell; NaN is left empty. */
  share(row: number, column: number): number;
  /** Text in the cell; null for none. */
  text(row: number, column: number): string | null;
  /** What a pointer on the cell shows. */
  hint(row: number, column: number): string;
  /** Titles of the axes; null for none. */
  axes: { rows: string; columns: string } | null;
}

export interface HeatLabel {
  name: string;
  unseen: boolean;
}

/** Cells with less are left out: invisible, and there are tens of thousands of them with many classes. */
const visible = 0.004;
const letter = 6.2;

/** Cells darker with their share, from the page's background to its heat colour; labels at left and below. */
export function heatMap(map: HeatMap, cell: number): Markup {
  const { rows, columns, axes } = map;
  const margin = (labels: readonly HeatLabel[]): number =>
    Math.max(...labels.map(({ name, unseen }) => name.length + (unseen ? 2 : 0))) * letter + 10;
  const left = margin(rows) + 18;
  const long = margin(columns);
  const slanted = long > cell;
  const bottom = (slanted ? long : 18) + 18;
  const gridWidth = columns.length * cell;
  const gridHeight = rows.length * cell;
  const width = left + gridWidth + 2;
  const height = gridHeight + bottom + 4;
  const size = Math.min(12, cell - 0.5);
  const names = (labels: readonly HeatLabel[], place: (index: number) => string, anchor: string): Markup[] =>
    labels.map(
      ({ name, unseen }, index) =>
        html`<text class="${unseen ? 'unseen' : 'seen'}" transform="${place(index)}" text-anchor="${anchor}">${name}${unseen ? ' *' : ''}</text>`,
    );
  return html`<svg class="heat" viewBox="0 0 ${at(width)} ${at(height)}" style="max-width:${at(width)}px" role="img" aria-label="${map.label}" font-size="${at(size)}">
<rect class="field" x="${at(left)}" y="0" width="${at(gridWidth)}" height="${at(gridHeight)}"/>
${rows.map((_, row) => columns.map((__, column) => cellOf(map, row, column, cell, left)))}
${names(rows, (row) => `translate(${at(left - 6)} ${at((row + 0.5) * cell + size * 0.35)})`, 'end')}
${
  slanted
    ? names(
        columns,
        (column) =>
          `translate(${at(left + (column + 0.5) * cell + size * 0.35)} ${at(gridHeight + 6)}) rotate(-90)`,
        'end',
      )
    : names(
        columns,
        (column) => `translate(${at(left + (column + 0.5) * cell)} ${at(gridHeight + 16)})`,
        'middle',
      )
}
${
  axes &&
  html`<text class="axis" transform="translate(11 ${at(gridHeight / 2)}) rotate(-90)" text-anchor="middle">${axes.rows}</text>
<text class="axis" x="${at(left + gridWidth / 2)}" y="${at(height - 4)}" text-anchor="middle">${axes.columns}</text>`
}
</svg>`;
}

function cellOf(map: HeatMap, row: number, column: number, cell: number, left: number): Markup | null {
  const share = map.share(row, column);
  if (!(share >= visible)) return null;
  const x = left + column * cell;
  const y = row * cell;
  const text = map.text(row, column);
  const label =
    text === null
      ? null
      : html`<text class="${share > 0.68 ? 'on-heat' : 'in-cell'}" x="${at(x + cell / 2)}" y="${at(y + cell / 2 + 4)}" text-anchor="middle">${text}</text>`;
  return html`<g><title>${map.hint(row, column)}</title><rect class="cell" x="${at(x + 0.5)}" y="${at(y + 0.5)}" width="${at(cell - 1)}" height="${at(cell - 1)}" fill-opacity="${at(share)}"/>${label}</g>`;
}
