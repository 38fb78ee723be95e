/** The one template of the VOC configurations; without a full stop, as in the public release. */
const singleTemplate = ['a photo of a {}'] as const;

/**
 * The fifteen templates of the Context and COCO-Stuff configurations, whose embeddings are normalised,
 * averaged and normalised again: those of the public Cascade-CLIP release
 * (https://github.com/HVision-NKU/Cascade-CLIP, `text_embedding/get_embedding.ipynb`), which are a choice from
 * ViLD's (Gu et al. 2022, arXiv:2104.13921).
 */
const fifteenTemplates = [
  'a photo of a {}.',
  'a photo of a small {}.',
  'a photo of a medium {}.',
  'a photo of a large {}.',
  'This is a photo of a {}.',
  'This is a photo of a small {}.',
  'This is a photo of a medium {}.',
  'This is a photo of a large {}.',
  'a {} in the scene.',
  'a photo of a {} in the scene.',
  'There is a {} in the scene.',
  'There is the {} in the scene.',
  'This is a {} in the scene.',
  'This is the {} in the scene.',
  'This is one {} in the scene.',
] as const;

const templates = { voc20: singleTemplate, context59: fifteenTemplates, coco171: fifteenTemplates };

/** The templates of a benchmark, in which `{}` stands for a class name. */
export const templatesOf = (benchmark: keyof typeof templates): readonly string[] => templates[benchmark];

/** The sentence that a template makes of a name. */
export const fillTemplate = (template: string, name: string): string => template.replace('{}', () => name);
