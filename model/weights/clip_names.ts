/** What OpenAI's names of the image tower begin with; those of the text tower have no prefix. */
const IMAGE = 'visual.';

/** Whether a tensor belongs to the image tower, by CLIP's own name. */
export function isOfImageTower(name: string): boolean {
  return name.startsWith(IMAGE);
}

/** The key in Cascade-CLIP checkpoints, under `backbone` or `text_encoder`, of a tensor by CLIP's own name. */
export function publishedName(name: string): string {
  return isOfImageTower(name) ? `backbone.${name.slice(IMAGE.length)}` : `text_encoder.${name}`;
}

/** CLIP's own name of a tensor by its key under `backbone` or `text_encoder`: undoes {@link publishedName}. */
export function clipName(key: string): string {
  return key.replace(/^backbone\./, IMAGE).replace(/^text_encoder\./, '');
}
