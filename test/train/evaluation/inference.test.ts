import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../engine/engine.ts';
import { Random } from '../../../engine/random.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import { ParameterStore } from '../../../model/store.ts';
import { embeddedPreset } from '../../../train/config/presets.ts';
import { labelPixels, penalties } from '../../../train/evaluation/inference.ts';
import { openEngine } from '../../support/device.ts';

const test = suite('inference');
let engine: Engine;
test.before(async () => {
  engine = await openEngine();
});
test.after(() => engine.close());

test('classes scored a few at a time give the labels of all at once', async () => {
  const classes = 7;
  const { model } = embeddedPreset();
  const random = new Random(5);
  const store = new ParameterStore(engine, parameterSpecs(model), new Map(), 3);
  const drawn = (...shape: number[]) => {
    const count = shape.reduce((a, b) => a * b);
    return engine.tensor(
      Float32Array.from({ length: count }, () => random.normal()),
      shape,
    );
  };
  const input = {
    image: drawn(1, 3, 64, 72),
    text: drawn(classes, model.vision.embedDim),
    penalty: engine.tensor(penalties(classes, [1, 4], 0.01), [classes]),
    crop: 48,
    stride: 32,
  };
  // untrained logits lie about their bias of -4, whose sigmoid this is
  const wanted = { height: 301, width: 203, backgroundBelow: [null, 0.018] };
  const labels = async () => {
    const found = engine.scope(() => labelPixels(engine, input, wanted, store, model));
    return Promise.all(found.map((label) => label.read()));
  };
  const { device } = engine.gpu;
  const { maxBindingBytes } = device;
  const [all, allOrBackground] = await labels();
  // room for three classes
  device.maxBindingBytes = 3.5 * 4 * wanted.height * wanted.width;
  const [parts, partsOrBackground] = await labels();
  device.maxBindingBytes = maxBindingBytes;
  assert.ok(new Set(all).size > 3, `${new Set(all).size} classes are seen`);
  const zeros = allOrBackground.filter((label) => label === 0).length;
  assert.ok(zeros > 0 && zeros < allOrBackground.length, `${zeros} pixels of background`);
  assert.equal([...parts], [...all]);
  assert.equal([...partsOrBackground], [...allOrBackground]);
});

test.run();
