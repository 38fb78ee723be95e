export { accumulate } from './accumulate.ts';
export { attention } from './attention.ts';
export { addConfusion, addWindowScores, argmax, averageWindows, type Window } from './evaluation.ts';
export { layernorm } from './layernorm.ts';
export { maskLoss, pseudoLabels } from './mask_loss.ts';
export { maskScores } from './mask_scores.ts';
export { adamwStep, countNonFinite, logStep, nonFiniteCounter } from './optimizer.ts';
export { resize } from './resize.ts';
export { selfAttention } from './self_attention.ts';
