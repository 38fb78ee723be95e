export { attention } from './attention.ts';
export { maskScores } from './mask_scores.ts';
export { selfAttention } from './self_attention.ts';
