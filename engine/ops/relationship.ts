import {
  relationshipForward,
  relationshipGlobal,
  relationshipText,
} from '../../kernels/relationship/relationship.ts';
import { launch } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

interface RelationshipArgs {
  /** Text embeddings t, (C, D). */
  text: Tensor;
  /** Global image embeddings g, (B, D). */
  global: Tensor;
}

/** Relationship descriptor concat(t * g, t), (B, C, 2 D); ZegCLIP (Zhou et al. 2023, arXiv:2212.03588). */
export const relationship = defineOp({
  name: 'relationship',
  forward: ({ text, global }: RelationshipArgs) => {
    expectShape('relationship: text', text.shape, [null, null]);
    expectShape('relationship: global', global.shape, [null, text.shape[1]]);
    const dims = { images: global.shape[0], classes: text.shape[0], width: text.shape[1] };
    return { output: launch(relationshipForward, dims, { text, global }).y, save: { text, global, dims } };
  },
  vjp: (dy, { text, global, dims }, needs) => {
    const grads: Gradients<RelationshipArgs> = {};
    if (needs.text) grads.text = launch(relationshipText, dims, { dy, global }).dtext;
    if (needs.global) grads.global = launch(relationshipGlobal, dims, { dy, text }).dglobal;
    return grads;
  },
});
