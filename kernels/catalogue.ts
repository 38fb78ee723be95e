import { attentionDelta } from './attention/delta.ts';
import { attentionForward, attentionForwardAny } from './attention/forward.ts';
import { attentionProduct, attentionProductAny } from './attention/product.ts';
import { attentionScores, attentionScoresAny } from './attention/scores.ts';
import { bilinearBackward, bilinearForward } from './bilinear/bilinear.ts';
import { add } from './elementwise/add.ts';
import { argmax, confusion } from './evaluation/evaluation.ts';
import { windowAdd, windowAverage } from './evaluation/windows.ts';
import type { AnyKernel } from './kernel.ts';
import { layernormBackward, layernormForward, layernormParameters } from './layernorm/layernorm.ts';
import { maskLossBackward, maskLossFinish, maskLossPartials, pseudoLabels } from './mask_loss/mask_loss.ts';
import { maskScoresBackward, maskScoresForward } from './mask_scores/mask_scores.ts';
import { adamw, finite, stepLog } from './optimizer/optimizer.ts';

/** Every kernel. Registering one is one line here; tests and bench loop over this list. */
export const catalogue: readonly AnyKernel[] = [
  attentionForward,
  attentionForwardAny,
  attentionDelta,
  attentionProduct,
  attentionProductAny,
  attentionScores,
  attentionScoresAny,
  maskScoresBackward,
  maskScoresForward,
  add,
  layernormForward,
  layernormBackward,
  layernormParameters,
  bilinearBackward,
  bilinearForward,
  argmax,
  confusion,
  maskLossBackward,
  maskLossFinish,
  maskLossPartials,
  pseudoLabels,
  adamw,
  finite,
  stepLog,
  windowAdd,
  windowAverage,
];
