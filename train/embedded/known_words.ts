import { ConfigError } from '../../engine/errors.ts';
import { editDistance } from '../../engine/host/nearest_name.ts';
import type { CompactVocabulary } from '../../model/tokenizer/compact_vocabulary.ts';
import { loadAtlas } from './atlas.ts';

/** How many known names are offered for each that is not. */
const offered = 5;

/**
 * Checks that a miniature CLIP has seen every word of the names.
 * @throws ConfigError that lists each name with an unknown word, the nearest names that it knows, and the classes.
 */
export function requireKnownWords(vocabulary: CompactVocabulary, names: readonly string[]): void {
  const unknown = names
    .map((name) => ({ name, words: vocabulary.unknownWords(name) }))
    .filter(({ words }) => words.length > 0);
  if (unknown.length === 0) return;
  const { classes, cells } = loadAtlas();
  const known = [...new Set([...classes, ...cells.flatMap(({ captions }) => captions)])];
  const usable = known.filter((name) => vocabulary.unknownWords(name).length === 0);
  const lines = unknown.map(({ name, words }) => {
    const near = nearest(name, usable);
    return `${JSON.stringify(name)}: ${words.map((word) => `'${word}'`).join(', ')} ${words.length === 1 ? 'is' : 'are'} new to it; near: ${near.join(', ')}`;
  });
  throw new ConfigError(
    `the miniature CLIP knows the words of its ${usable.length} captions alone\n  ${lines.join('\n  ')}`,
    `It knows for instance ${classes.filter((name) => usable.includes(name)).join(', ')}; every caption is in train/embedded/icons.json. Any name at all needs a model trained on a full CLIP.`,
  );
}

/** The names that share a word with `name`, then those of the smallest edit distance. */
function nearest(name: string, names: readonly string[]): string[] {
  const words = new Set(name.toLowerCase().split(/\s+/));
  const distance = (other: string): number =>
    editDistance(name.toLowerCase(), other.toLowerCase()) -
    (other.split(' ').some((word) => words.has(word)) ? name.length : 0);
  return names
    .map((other) => ({ other, far: distance(other) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, offered)
    .map(({ other }) => other);
}
