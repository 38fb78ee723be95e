import * as assert from 'uvu/assert';

/** An element of a page: its name, attributes and the text directly below it. */
export interface Element {
  name: string;
  attributes: Map<string, string>;
  text: string;
  inside: string[];
}

const closedByThemselves = new Set(['meta', 'link', 'img', 'br', 'br/']);
const tag = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<>]*")?)*)\s*(\/?)>/y;

/**
 * Reads a page as strictly as XML but for void elements: every tag closed in order, attributes quoted and not
 * repeated, no bare `<` or `&`. Fails on the first place that is not so.
 */
export function parsePage(page: string): Element[] {
  const start = '<!doctype html>\n';
  assert.ok(page.startsWith(start), 'starts with a doctype');
  const elements: Element[] = [];
  const open: Element[] = [];
  for (let place = start.length; place < page.length; ) {
    const next = page.indexOf('<', place);
    const text = page.slice(place, next < 0 ? page.length : next);
    if (open.at(-1)?.name !== 'style') {
      const bare = text.search(/&(?!(amp|lt|gt|quot|#39);)|>/);
      assert.is(bare, -1, `bare character in: ${text.slice(Math.max(0, bare - 40), bare + 40)}`);
    }
    if (open.length > 0) open.at(-1)!.text += text;
    if (next < 0) break;
    tag.lastIndex = next;
    const found = tag.exec(page);
    assert.ok(found, `no tag: ${page.slice(next, next + 80)}`);
    const [whole, closing, name, attributes, selfClosing] = found!;
    place = next + whole.length;
    if (closing) {
      assert.is(open.pop()?.name, name, `closed before ${page.slice(place, place + 60)}`);
      continue;
    }
    const element = {
      name,
      attributes: attributesOf(attributes),
      text: '',
      inside: open.map((outer) => outer.name),
    };
    elements.push(element);
    if (!selfClosing && !closedByThemselves.has(name)) open.push(element);
  }
  assert.equal(
    open.map(({ name }) => name),
    [],
    'all closed',
  );
  return elements;
}

function attributesOf(text: string): Map<string, string> {
  const found = [...text.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map(
    ([, name, entry]) => [name, entry ?? ''] as const,
  );
  const attributes = new Map(found);
  assert.is(attributes.size, found.length, `an attribute is repeated: ${text}`);
  return attributes;
}

/** Fails where a page would ask for anything that it does not hold itself, or runs a script. */
export function assertSelfContained(page: string, elements: readonly Element[]): void {
  for (const { name, attributes } of elements) {
    assert.ok(!['script', 'iframe', 'object', 'embed', 'base', 'form'].includes(name), `<${name}>`);
    for (const [attribute, entry] of attributes) {
      assert.not.match(attribute, /^on/);
      if (attribute === 'src') assert.match(entry, /^data:image\/png;base64,[A-Za-z0-9+/]+=*$/);
      if (attribute === 'href') assert.match(entry, /^(#[a-z]+|data:,)$/);
    }
  }
  const rest = page.replace(/base64,[A-Za-z0-9+/=]+/g, '');
  assert.not.match(rest, /https?:|url\(|@import|\/\/[a-z]/i);
}

/** The exact numbers that a page shows below an element with an id, in order. */
export function valuesIn(page: string, id: string): number[] {
  const from = page.indexOf(`<section id="${id}"`);
  assert.ok(from >= 0, `section ${id}`);
  const section = page.slice(from, page.indexOf('</section>', from));
  return [...section.matchAll(/<data value="([^"]+)">/g)].map(([, entry]) => Number(entry));
}
