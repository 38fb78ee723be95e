import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromFloat32ToF16 } from '../../../engine/half.ts';
import { product } from '../../../engine/shape.ts';
import { mapClipCheckpoint, readClipCheckpoint } from '../../../model/weights/clip_checkpoint.ts';
import { toFloat32 } from '../../../model/weights/half.ts';
import { writeSafetensors } from '../../../model/weights/safetensors.ts';
import type { HostTensor, StateDict } from '../../../model/weights/tensor_file.ts';
import { golden, rejectsWith, withFolder } from './support.ts';

const test = suite('weights clip');

/** A half-precision tensor of small integers, different for each name. */
function half(name: string, shape: number[]): HostTensor {
  const start = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 97, 7);
  const values = new Float32Array(product(shape)).map((_, index) => ((start + index) % 61) / 8);
  return { dtype: 'F16', shape, data: fromFloat32ToF16(values) };
}

function blockShapes(prefix: string, width: number): Record<string, number[]> {
  return {
    [`${prefix}.attn.in_proj_weight`]: [3 * width, width],
    [`${prefix}.attn.in_proj_bias`]: [3 * width],
    [`${prefix}.attn.out_proj.weight`]: [width, width],
    [`${prefix}.attn.out_proj.bias`]: [width],
    [`${prefix}.ln_1.weight`]: [width],
    [`${prefix}.ln_1.bias`]: [width],
    [`${prefix}.mlp.c_fc.weight`]: [4 * width, width],
    [`${prefix}.mlp.c_fc.bias`]: [4 * width],
    [`${prefix}.mlp.c_proj.weight`]: [width, 4 * width],
    [`${prefix}.mlp.c_proj.bias`]: [width],
    [`${prefix}.ln_2.weight`]: [width],
    [`${prefix}.ln_2.bias`]: [width],
  };
}

/** OpenAI's layout: image tower of width 128, 2 blocks, 4 px patches, a 3 x 3 grid; text tower of width 64. */
const clipShapes: Record<string, number[]> = {
  positional_embedding: [6, 64],
  text_projection: [64, 10],
  logit_scale: [],
  'visual.class_embedding': [128],
  'visual.positional_embedding': [10, 128],
  'visual.proj': [128, 10],
  'visual.conv1.weight': [128, 3, 4, 4],
  'visual.ln_pre.weight': [128],
  'visual.ln_pre.bias': [128],
  ...blockShapes('visual.transformer.resblocks.0', 128),
  ...blockShapes('visual.transformer.resblocks.1', 128),
  'visual.ln_post.weight': [128],
  'visual.ln_post.bias': [128],
  ...blockShapes('transformer.resblocks.0', 64),
  'token_embedding.weight': [20, 64],
  'ln_final.weight': [64],
  'ln_final.bias': [64],
};

function clip(change: (state: StateDict) => void = () => undefined): StateDict {
  const state: StateDict = new Map(
    Object.entries(clipShapes).map(([name, shape]) => [name, half(name, shape)]),
  );
  for (const name of ['input_resolution', 'context_length', 'vocab_size']) {
    state.set(name, { dtype: 'I64', shape: [], data: BigInt64Array.of(12n) });
  }
  state.set('transformer.resblocks.0.attn_mask', half('mask', [6, 6]));
  change(state);
  return state;
}

test('maps every tensor to its published key as float32', () => {
  const source = clip();
  const { tensors, vision, text } = mapClipCheckpoint('clip.pt', source);
  assert.equal(vision, { patch: 4, width: 128, layers: 2, heads: 2, embedDim: 10, resolution: 12 });
  assert.equal(text, {
    width: 64,
    layers: 1,
    heads: 1,
    embedDim: 10,
    contextLength: 6,
    vocabularySize: 20,
  });
  assert.is(tensors.size, Object.keys(clipShapes).length);
  for (const [name, shape] of Object.entries(clipShapes)) {
    const published = name.startsWith('visual.')
      ? name.replace('visual.', 'backbone.')
      : `text_encoder.${name}`;
    const tensor = tensors.get(published);
    assert.equal([tensor?.dtype, tensor?.shape], ['F32', shape], published);
    assert.equal(tensor!.data, toFloat32(source.get(name)!), published);
  }
});

test('resizes the position grid to the wanted resolution', () => {
  const { tensors, vision } = mapClipCheckpoint('clip.pt', clip(), { resolution: 24 });
  assert.is(vision.resolution, 24);
  const { shape, data } = tensors.get('backbone.positional_embedding')!;
  assert.equal(shape, [37, 128]);
  const stored = toFloat32(clip().get('visual.positional_embedding')!);
  const at = (row: number, column: number) => stored[(1 + row * 3 + column) * 128 + 5]!;
  assert.equal(data.slice(0, 128), stored.slice(0, 128));
  // 3 -> 6: target (1, 2) lies at source (0.25, 0.75).
  const top = at(0, 0) * 0.25 + at(0, 1) * 0.75;
  const bottom = at(1, 0) * 0.25 + at(1, 1) * 0.75;
  assert.is(data[(1 + 1 * 6 + 2) * 128 + 5], Math.fround(top * 0.75 + bottom * 0.25));
});

test('a file with the image tower alone has no text tower', () => {
  const state = new Map([...clip()].filter(([name]) => name.startsWith('visual.')));
  const { text, tensors } = mapClipCheckpoint('clip.pt', state);
  assert.is(text, null);
  assert.ok([...tensors.keys()].every((name) => name.startsWith('backbone.')));
});

test('reads the file and skips the text tower where it is not wanted', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'clip.safetensors');
    await writeSafetensors(path, clip());
    const whole = await readClipCheckpoint(path, { resolution: 8 });
    assert.equal(whole.tensors.get('backbone.positional_embedding')!.shape, [5, 128]);
    assert.is(whole.text?.width, 64);
    const vision = await readClipCheckpoint(path, { text: false });
    assert.is(vision.text, null);
    assert.equal(vision.tensors.get('backbone.proj'), whole.tensors.get('backbone.proj'));
  }));

test('a TorchScript archive that lacks most of CLIP says what is missing', async () => {
  const path = golden('script_module.pt');
  await rejectsWith(path, () => readClipCheckpoint(path), "no 'visual.positional_embedding' with 2 axes");
});

const rename = (state: StateDict, from: string, to: string) => {
  state.set(to, state.get(from)!);
  state.delete(from);
};
const bad: [string, (state: StateDict) => void, ...string[]][] = [
  [
    'a renamed tensor',
    (state) => rename(state, 'visual.ln_post.bias', 'visual.ln_pst.bias'),
    "1 missing: 'visual.ln_post.bias' [128] (nearest unexpected name: 'visual.ln_pst.bias')",
    "1 unexpected: 'visual.ln_pst.bias'",
  ],
  [
    'a wrong shape',
    (state) => state.set('visual.ln_pre.weight', half('x', [64])),
    "'visual.ln_pre.weight' is [64], wanted [128]",
  ],
  [
    'a block missing',
    (state) => {
      for (const name of state.keys())
        if (name.startsWith('visual.transformer.resblocks.0.')) state.delete(name);
    },
    '12 missing',
    'visual.transformer.resblocks.0.attn.in_proj_weight',
    'and 6 more',
  ],
  [
    'an absurd block number',
    (state) => state.set('transformer.resblocks.99999999.x', half('x', [1])),
    '1 unexpected',
  ],
  [
    'integer weights',
    (state) => state.set('ln_final.bias', { dtype: 'U8', shape: [64], data: new Uint8Array(64) }),
    "'ln_final.bias' is U8",
  ],
  [
    'no patch embedding',
    (state) => state.delete('visual.conv1.weight'),
    "no 'visual.conv1.weight' with 4 axes",
    'nearest name',
  ],
  [
    'text tokens of the wrong rank',
    (state) => state.set('token_embedding.weight', half('x', [20])),
    "no 'token_embedding.weight' with 2 axes (its shape is [20])",
  ],
  [
    'a grid that is not square',
    (state) => state.set('visual.positional_embedding', half('x', [9, 128])),
    'has 9 rows, wanted 1 + a square',
  ],
  [
    'towers of different joint widths',
    (state) => state.set('text_projection', half('x', [64, 12])),
    'text tower projects to width 12',
  ],
];
for (const [what, change, ...causes] of bad) {
  test(`refuses a checkpoint with ${what}`, () =>
    rejectsWith('clip.pt', async () => mapClipCheckpoint('clip.pt', clip(change)), ...causes));
}

test('refuses options that do not fit the checkpoint', async () => {
  await rejectsWith(
    'clip.pt',
    async () => mapClipCheckpoint('clip.pt', clip(), { resolution: 30 }),
    'patches of 4 pixels, which do not divide a resolution of 30',
  );
  await rejectsWith(
    'clip.pt',
    async () => mapClipCheckpoint('clip.pt', clip(), { headWidth: 48 }),
    'visual tower has width 128, which heads of width 48 do not divide',
  );
  assert.is(mapClipCheckpoint('clip.pt', clip(), { headWidth: 32 }).vision.heads, 4);
});

test.run();
