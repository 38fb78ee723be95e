import { add } from './elementwise/add.ts';
import type { AnyKernel } from './kernel.ts';
import { layernormBackward, layernormForward, layernormParameters } from './layernorm/layernorm.ts';

/** Every kernel. Registering one is one line here; tests and bench loop over this list. */
export const catalogue: readonly AnyKernel[] = [
  add,
  layernormForward,
  layernormBackward,
  layernormParameters,
];
