/** Text that is HTML or SVG already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: plain text is escaped, markup is not, null is nothing. */
export type Content = string | number | Markup | null | readonly Content[];

/** Fills a template of HTML or SVG; everything put into it that is not {@link Markup} is escaped. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Markup {
  return new Markup(parts.reduce((text, part, index) => text + render(contents[index - 1]!) + part));
}

function render(content: Content): string {
  if (content === null) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(render).join('');
  return escaped(`${content}`);
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** A measured value: shown rounded, and whole for programs that read the page. */
export function value(exact: number | null, digits = 1): Markup {
  return exact === null
    ? html`<span class="none" title="not defined">–</span>`
    : html`<data value="${exact}">${exact.toFixed(digits)}</data>`;
}

/** A coordinate in an SVG, short. */
export function at(coordinate: number): string {
  return `${Math.round(coordinate * 100) / 100}`;
}
