export { accumulate } from './accumulate.ts';
export { quickGelu } from './activation.ts';
export { add, addScalar } from './add.ts';
export { attention } from './attention.ts';
export { broadcastTo } from './broadcast_to.ts';
export { cast } from './cast.ts';
export { clipDivisor } from './clip_norm.ts';
export { concat } from './concat.ts';
export { infoNce, logsumexpPool, NO_CONCEPT } from './contrastive.ts';
export { dropout, dropoutCopies } from './dropout.ts';
export type { DropoutMask } from './dropout_mask.ts';
export {
  addConfusion,
  addWindowScores,
  argmax,
  averageWindows,
  type Labels,
  type Window,
} from './evaluation.ts';
export { embedding, gatherRows } from './gather.ts';
export { gaussianSum } from './gaussian_sum.ts';
export { l2norm } from './l2norm.ts';
export { layernorm } from './layernorm.ts';
export { linear } from './linear.ts';
export { settleLossScale } from './loss_scale.ts';
export { maskScores } from './mask_scores.ts';
export { matmul } from './matmul.ts';
export { multiply } from './multiply.ts';
export { adamwStep, countNonFinite, logStep, nonFiniteCounter } from './optimizer.ts';
export { patchUnfold } from './patch_unfold.ts';
export { upsampledPseudoLabels } from './pseudo_labels.ts';
export { relationship } from './relationship.ts';
export { reshape } from './reshape.ts';
export { resize } from './resize.ts';
export { scale } from './scale.ts';
export { selfAttention } from './self_attention.ts';
export { slice } from './slice.ts';
export { softmax } from './softmax.ts';
export { split } from './split.ts';
export { sumAll } from './sum_all.ts';
export { tokensWithPrompts } from './tokens_with_prompts.ts';
export { transposeLast } from './transpose_last.ts';
export { upsampledMaskLoss } from './upsampled_mask_loss.ts';
