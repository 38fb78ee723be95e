import type { Random } from '../../engine/random.ts';
import { fillTemplate } from '../../model/templates.ts';
import { type CompactVocabulary, vocabularyOf } from '../../model/tokenizer/compact_vocabulary.ts';
import { type AtlasIndex, cellsByClass, cellsByOtherIcon } from '../embedded/atlas.ts';

/** Sentences that captions stand in; their embeddings are averaged where a class is named. */
export const captionTemplates = ['a photo of a {}', 'a picture of a {}', 'an icon of a {}'] as const;

/** All that can be said about the drawings of an atlas, in tokens. */
export interface CaptionBook {
  vocabulary: CompactVocabulary;
  /** Tokens of the longest sentence, start and end included: the text tower's context. */
  context: number;
  /**
   * Cells by concept: first the classes of the atlas, then each other noun. All drawings of a concept are positives
   * of all its captions.
   */
  concepts: readonly (readonly number[])[];
  /** How many of the concepts are classes. */
  classes: number;
  conceptOf(cell: number): number;
  /** Draws one of a cell's captions in one of the templates, as ids without padding. */
  drawCaption(random: Random, cell: number): readonly number[];
}

/** The captions of an atlas; a pure function of its index. */
export function captionBook(atlas: AtlasIndex): CaptionBook {
  const classes = cellsByClass(atlas);
  const fill = (caption: string) => captionTemplates.map((template) => fillTemplate(template, caption));
  const captions = new Set([...atlas.classes, ...atlas.cells.flatMap((cell) => cell.captions)]);
  const vocabulary = vocabularyOf([...captions].flatMap(fill));
  const sentences = new Map(
    [...captions].map((caption) => [caption, fill(caption).map((text) => vocabulary.encode(text))]),
  );
  const concepts = [...classes, ...cellsByOtherIcon(atlas)];
  const conceptOf = new Map(concepts.flatMap((cells, concept) => cells.map((cell) => [cell, concept])));
  return {
    vocabulary,
    context: Math.max(...[...sentences.values()].flat().map((ids) => ids.length)),
    concepts,
    classes: classes.length,
    conceptOf: (cell) => conceptOf.get(cell)!,
    drawCaption: (random, cell) => {
      const { captions } = atlas.cells[cell];
      const variants = sentences.get(captions[random.integer(0, captions.length)])!;
      return variants[random.integer(0, variants.length)];
    },
  };
}
