import { layernorm, linear, selfAttention } from '../engine/ops/index.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Weights } from './store.ts';

/** PyTorch's LayerNorm default, and CLIP's. */
const LAYERNORM_EPS = 1e-5;

/** Layer normalisation with the weights `NAME.weight` and `NAME.bias`. */
export function norm(x: Tensor, weights: Weights, name: string, eps = LAYERNORM_EPS): Tensor {
  return layernorm({ x, gamma: weights.get(`${name}.weight`), beta: weights.get(`${name}.bias`), eps });
}

/** x W^T + b with the weights `NAME.weight` and `NAME.bias`. */
export function project(x: Tensor, weights: Weights, name: string): Tensor {
  return linear({ x, weight: weights.get(`${name}.weight`), bias: weights.get(`${name}.bias`) });
}

/**
 * One pre-norm residual attention block of CLIP: x (B, N, W) to (B, N, W). Fused QKV, QuickGELU.
 * Radford et al. 2021, arXiv:2103.00020.
 */
export function clipBlock(x: Tensor, weights: Weights, heads: number, causal = false): Tensor {
  const qkv = linear({
    x: norm(x, weights, 'ln_1'),
    weight: weights.get('attn.in_proj_weight'),
    bias: weights.get('attn.in_proj_bias'),
  });
  const attended = linear({
    x: selfAttention({ qkv, heads, causal }),
    weight: weights.get('attn.out_proj.weight'),
    bias: weights.get('attn.out_proj.bias'),
    residual: x,
  });
  const hidden = linear({
    x: norm(attended, weights, 'ln_2'),
    weight: weights.get('mlp.c_fc.weight'),
    bias: weights.get('mlp.c_fc.bias'),
    activation: 'quick_gelu',
  });
  return linear({
    x: hidden,
    weight: weights.get('mlp.c_proj.weight'),
    bias: weights.get('mlp.c_proj.bias'),
    residual: attended,
  });
}
