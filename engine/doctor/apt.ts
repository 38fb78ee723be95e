/** Reading a Debian or Ubuntu machine's own description: os-release and the apt sources. Pure functions. */

/** The fields of `/etc/os-release` that decide what to install. */
export interface OsRelease {
  id: string;
  /** Families it descends from, such as `debian` for Raspbian. */
  like: string[];
  /** Number as text, such as `12` or `24.04`; empty for rolling releases. */
  version: string;
  /** Such as `bookworm`; empty where there is none. */
  codename: string;
  /** Such as `Debian GNU/Linux 12 (bookworm)`. */
  pretty: string;
}

/** One enabled entry of binary packages in the apt sources. */
export interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
  /** Fields that must be carried over to another entry of the same mirror, by their deb822 names. */
  trust: Record<string, string>;
}

/** Fields that say why a mirror's files are to be believed. */
const TRUST_FIELDS = ['Signed-By', 'Trusted', 'Check-Valid-Until'];

export function parseOsRelease(text: string): OsRelease {
  const fields: Record<string, string> = {};
  for (const [, key, value] of text.matchAll(/^([A-Z_]+)=(.*)$/gm)) {
    fields[key] = value
      .trim()
      .replace(/^(["'])(.*)\1$/, '$2')
      .replace(/\\(.)/g, '$1');
  }
  const id = fields.ID ?? 'linux';
  return {
    id,
    like: words(fields.ID_LIKE),
    version: fields.VERSION_ID ?? '',
    codename: fields.VERSION_CODENAME ?? '',
    pretty: fields.PRETTY_NAME ?? id,
  };
}

/** Reads one apt sources file; the name's ending tells its format (`.sources`: deb822, `.list`: one line each). */
export function parseAptSources(fileName: string, text: string): AptSource[] {
  return fileName.endsWith('.sources') ? parseStanzas(text) : parseLines(text);
}

function parseStanzas(text: string): AptSource[] {
  const uncommented = text.replace(/^#.*\n?/gm, '');
  const stanzas = uncommented.split(/\n[ \t]*\n/).map(parseStanza);
  return stanzas
    .filter(
      (stanza) => words(stanza.types).includes('deb') && !/^(no|false|off|0)$/i.test(stanza.enabled ?? ''),
    )
    .map((stanza) => ({
      uris: words(stanza.uris),
      suites: words(stanza.suites),
      components: words(stanza.components),
      trust: trustOf(stanza),
    }));
}

/** Field names in lower case; a value keeps its continuation lines, as an embedded key needs them. */
function parseStanza(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  let current = '';
  for (const line of text.split('\n')) {
    const field = /^([^\s:]+):[ \t]*(.*)$/.exec(line);
    if (field) {
      current = field[1].toLowerCase();
      fields[current] = field[2].trimEnd();
    } else if (/^[ \t]/.test(line) && current) {
      fields[current] += `\n${line.trimEnd()}`;
    }
  }
  return fields;
}

function parseLines(text: string): AptSource[] {
  const entries = text.matchAll(/^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+([^\s#]+)([^#\n]*)/gm);
  return [...entries].map(([, options = '', uri, suite, components]) => {
    const pairs = words(options).map((option) => option.split('=', 2));
    const fields = Object.fromEntries(
      pairs.map(([key, value = '']) => [key.toLowerCase(), value.replaceAll(',', ' ')]),
    );
    return { uris: [uri], suites: [suite], components: words(components), trust: trustOf(fields) };
  });
}

function trustOf(fields: Record<string, string>): Record<string, string> {
  const present = TRUST_FIELDS.filter((name) => fields[name.toLowerCase()]);
  return Object.fromEntries(present.map((name) => [name, fields[name.toLowerCase()]]));
}

function words(text = ''): string[] {
  return text.split(/\s+/).filter(Boolean);
}
