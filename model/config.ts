/** The image tower: CLIP's ViT. */
export interface VisionConfig {
  /** Patch side in pixels. */
  patch: number;
  /** Width W of the residual stream. */
  width: number;
  /** Number of transformer blocks. */
  layers: number;
  /** Attention heads; must divide `width`. */
  heads: number;
  /** Width D of the joint image-text space. */
  embedDim: number;
  /** Side in pixels of the square image that the stored position grid belongs to. */
  resolution: number;
}

/** The text tower: CLIP's causal transformer. */
export interface TextConfig {
  /** Width of the residual stream. */
  width: number;
  layers: number;
  /** Attention heads; divides `width`. */
  heads: number;
  /** Width D of the joint image-text space. */
  embedDim: number;
  /** Tokens a text is padded to. */
  contextLength: number;
  vocabularySize: number;
}

/** Visual prompt tuning (deep): learnable tokens after the class token. */
export interface PromptConfig {
  /** T, prompt tokens a block sees. */
  count: number;
  /** Blocks 1..deep get prompts of their own; later blocks get none. */
  deep: number;
  /** Dropout probability on prompt tokens in training. */
  dropout: number;
}

/** One cascaded decoder; there is one for each stage. */
export interface DecoderConfig {
  layers: number;
  /** Heads of the cross-attention; must divide `embedDim`. */
  heads: number;
  /** Inner width of the feed-forward network in multiples of `embedDim`. */
  hiddenMultiple: number;
  dropout: number;
}

/**
 * How the taps of a stage become the memory of its decoder. `gaussian`: weighted sum with learnable weights that
 * start as a Gaussian (NGA, as published); `fixed_gaussian`: the same, not learnt; `sum`: all weights 1, not
 * learnt; `concat`: side by side, then a linear layer.
 */
export const aggregations = ['gaussian', 'fixed_gaussian', 'sum', 'concat'] as const;
export type Aggregation = (typeof aggregations)[number];

/** Everything that decides the parameters' shapes and the forward pass of Cascade-CLIP. */
export interface ModelConfig {
  vision: VisionConfig;
  prompts: PromptConfig;
  /**
   * Groups of 0-based block indices, shallow to deep, one group a stage; the last group ends with the last
   * block. ViT-B/16: [[5, 6, 7], [8, 9, 10], [11]].
   */
  stages: number[][];
  /** What happens to the taps of a stage with several blocks; `gaussian` as published. */
  aggregation: Aggregation;
  /** One projection of the relationship descriptor for all decoders; false as published: one for each. */
  sharedQueries: boolean;
  decoder: DecoderConfig;
  /** Start of a learnable scalar added to the summed masks; null as published (no such parameter). */
  logitBias: number | null;
  /** Standard deviation of the head's linear weights at the start; null for PyTorch's default, as published. */
  headStd: number | null;
}
