import { quickGelu, quickGeluBackward, reluBackward } from './activation/activation.ts';
import { attentionDelta } from './attention/delta.ts';
import { attentionForward } from './attention/forward.ts';
import { attentionProduct } from './attention/product.ts';
import { attentionScores } from './attention/scores.ts';
import { attentionShort } from './attention/short.ts';
import { attentionShortDkv, attentionShortDq } from './attention/short_backward.ts';
import { bilinearBackward, bilinearForward } from './bilinear/bilinear.ts';
import { infoNceBackward, infoNceFinish, infoNceLines } from './contrastive/info_nce.ts';
import { poolBackward, poolForward } from './contrastive/pool.ts';
import { dropout, dropoutCopiesBackward } from './dropout/dropout.ts';
import { add } from './elementwise/add.ts';
import { convert } from './elementwise/convert.ts';
import { multiply } from './elementwise/multiply.ts';
import { scale } from './elementwise/scale.ts';
import { argmax, confusion } from './evaluation/evaluation.ts';
import { windowAdd, windowAverage } from './evaluation/windows.ts';
import { gatherLinks, gatherRows, gatherScatter } from './gather/gather.ts';
import { gaussianSumDots, gaussianSumForward, gaussianSumLayer } from './gaussian_sum/gaussian_sum.ts';
import type { AnyKernel } from './kernel.ts';
import { l2normBackward, l2normForward } from './l2norm/l2norm.ts';
import { layernormBackward, layernormForward, layernormParameters } from './layernorm/layernorm.ts';
import { maskLossFinish } from './mask_loss/finish.ts';
import { upsampledPseudoLabels } from './mask_loss/pseudo_labels.ts';
import { upsampled, upsampledGather } from './mask_loss/upsampled.ts';
import { matmulNN, matmulNT, matmulTN, matmulTT } from './matmul/matmul.ts';
import { matmulOuter } from './matmul/outer.ts';
import { matmulPack } from './matmul/pack.ts';
import { clipNormFinish, clipNormSquares } from './optimizer/clip_norm.ts';
import { lossScale } from './optimizer/loss_scale.ts';
import { adamw, finite, stepLog } from './optimizer/optimizer.ts';
import { patchFold, patchUnfold } from './patch/patch.ts';
import { columnSums } from './reduce/columns.ts';
import { relationshipForward, relationshipGlobal, relationshipText } from './relationship/relationship.ts';
import { softmaxBackward, softmaxForward } from './softmax/softmax.ts';
import { sumFinish, sumPartials } from './sum/sum.ts';
import { assemble } from './tokens/assemble.ts';
import { transpose } from './transpose/transpose.ts';

/**
 * Every kernel that operations launch. Registering one is one line here; tests and bench loop over this list. Those in
 * `peak/` only measure an adapter, and are checked whenever they do.
 */
export const catalogue: readonly AnyKernel[] = [
  attentionForward,
  attentionDelta,
  attentionProduct,
  attentionScores,
  attentionShort,
  attentionShortDq,
  attentionShortDkv,
  matmulNN,
  matmulNT,
  matmulTN,
  matmulTT,
  matmulPack,
  matmulOuter,
  columnSums,
  add,
  convert,
  multiply,
  scale,
  quickGelu,
  quickGeluBackward,
  reluBackward,
  dropout,
  dropoutCopiesBackward,
  gatherLinks,
  gatherRows,
  gatherScatter,
  gaussianSumDots,
  gaussianSumForward,
  gaussianSumLayer,
  l2normBackward,
  l2normForward,
  patchFold,
  patchUnfold,
  relationshipForward,
  relationshipGlobal,
  relationshipText,
  softmaxBackward,
  softmaxForward,
  sumFinish,
  sumPartials,
  assemble,
  transpose,
  layernormForward,
  layernormBackward,
  layernormParameters,
  bilinearBackward,
  bilinearForward,
  argmax,
  confusion,
  maskLossFinish,
  upsampled,
  upsampledGather,
  upsampledPseudoLabels,
  adamw,
  finite,
  lossScale,
  stepLog,
  windowAdd,
  windowAverage,
  infoNceBackward,
  infoNceFinish,
  infoNceLines,
  poolBackward,
  poolForward,
  clipNormFinish,
  clipNormSquares,
];
