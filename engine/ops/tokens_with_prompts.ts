import { ShapeError } from '../errors.ts';
import { engineOf } from '../launch.ts';
import { defineOp, type Gradients } from '../op.ts';
import { expectShape, show } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { assemble, slicePiece, zeroPiece } from './assemble.ts';
import { sumTo } from './broadcast.ts';

interface TokensWithPromptsArgs {
  /** (B, 1 + skip + N, W): class token, `skip` tokens to drop, N tokens to keep. */
  x: Tensor;
  /** (B, T, W), (T, W) for the same prompts in every image, or null for none. */
  prompts: Tensor | null;
  skip: number;
}

/**
 * (B, 1 + T + N, W) = [class | prompts | rest]: inserts prompts behind the class token (skip = 0), replaces them
 * (skip = T) or removes them (prompts = null). Visual prompt tuning, Jia et al. 2022, arXiv:2203.12119.
 */
export const tokensWithPrompts = defineOp({
  name: 'tokensWithPrompts',
  forward: ({ x, prompts, skip }: TokensWithPromptsArgs) => {
    expectShape('tokensWithPrompts: x', x.shape, [null, null, null]);
    const [batch, tokens, width] = x.shape;
    const kept = tokens - 1 - skip;
    if (skip < 0 || kept < 0) throw new ShapeError(`tokensWithPrompts: skip ${skip} of x ${show(x.shape)}`);
    const count = prompts ? prompts.shape[prompts.shape.length - 2] : 0;
    const shared = prompts !== null && prompts.shape.length === 2;
    if (prompts) {
      expectShape('tokensWithPrompts: prompts', prompts.shape, shared ? [null, width] : [batch, null, width]);
    }
    const length = count * width;
    const pieces = [
      slicePiece(x, 1, 0, 1),
      { source: prompts, length, stride: shared ? 0 : length, start: 0 },
      slicePiece(x, 1, 1 + skip, kept),
    ];
    const y = assemble(engineOf({ x }), batch, pieces, [batch, 1 + count + kept, width]);
    return { output: y, save: { skip, count, kept, shared } };
  },
  vjp: (dy, { skip, count, kept, shared }, needs) => {
    const engine = engineOf({ dy });
    const [batch, , width] = dy.shape;
    const grads: Gradients<TokensWithPromptsArgs> = {};
    if (needs.x) {
      const pieces = [slicePiece(dy, 1, 0, 1), zeroPiece(skip * width), slicePiece(dy, 1, 1 + count, kept)];
      grads.x = assemble(engine, batch, pieces, [batch, 1 + skip + kept, width]);
    }
    if (needs.prompts) {
      const each = assemble(engine, batch, [slicePiece(dy, 1, 1, count)], [batch, count, width]);
      grads.prompts = shared ? sumTo(each, [count, width]) : each;
    }
    return grads;
  },
});
