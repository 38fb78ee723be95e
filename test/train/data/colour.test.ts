import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../engine/random.ts';
import { hsvToRgb, rgbToHsv } from '../../../train/data/image/hsv.ts';
import {
  distortColours,
  linearTable,
  scaleSaturation,
  turnHue,
} from '../../../train/data/image/photometric.ts';
import { fromBase64, readFixture } from './support.ts';

interface OpenCvFixture {
  colour: {
    rgb: string;
    hsv: string;
    hsv_in: string;
    rgb_out: string;
    saturation: { factor: number; rgb: string };
    hue: Record<string, string>;
    tables: { factor: number; offset: number; table: string }[];
  };
}

const test = suite('data_colour');
const { colour } = readFixture<OpenCvFixture>('opencv.json');
const changed = (bytes: Uint8Array | number[], change: (pixels: Uint8Array) => void): Uint8Array => {
  const pixels = Uint8Array.from(bytes);
  change(pixels);
  return pixels;
};

test('known colours: hue in units of 2 degrees', () => {
  const known = [
    { rgb: [255, 0, 0], hsv: [0, 255, 255] },
    { rgb: [255, 255, 0], hsv: [30, 255, 255] },
    { rgb: [0, 255, 0], hsv: [60, 255, 255] },
    { rgb: [0, 0, 255], hsv: [120, 255, 255] },
    // On the way back OpenCV truncates, here a blue of 254.99998.
    { rgb: [255, 0, 255], hsv: [150, 255, 255], back: [255, 0, 254] },
    { rgb: [128, 128, 128], hsv: [0, 0, 128] },
    { rgb: [0, 0, 0], hsv: [0, 0, 0] },
    { rgb: [100, 150, 50], hsv: [45, 170, 150], back: [99, 150, 50] },
  ];
  for (const { rgb, hsv, back = rgb } of known) {
    assert.equal([...changed(rgb, rgbToHsv)], hsv, `${rgb}`);
    assert.equal([...changed(hsv, hsvToRgb)], back, `${hsv}`);
  }
});

test('RGB to HSV gives the bytes of OpenCV', () => {
  assert.equal(changed(fromBase64(colour.rgb), rgbToHsv), fromBase64(colour.hsv));
});

test('HSV to RGB gives the bytes of OpenCV', () => {
  assert.equal(changed(fromBase64(colour.hsv_in), hsvToRgb), fromBase64(colour.rgb_out));
});

test('a round trip keeps the value and loses little of the rest', () => {
  const before = fromBase64(colour.rgb);
  const after = changed(changed(before, rgbToHsv), hsvToRgb);
  for (let i = 0; i < before.length; i += 3) {
    const was = before.slice(i, i + 3);
    const is = after.slice(i, i + 3);
    assert.is(Math.max(...is), Math.max(...was));
    for (const channel of [0, 1, 2])
      assert.ok(Math.abs(is[channel]! - was[channel]!) <= 5, `${was} -> ${is}`);
  }
});

test('saturation and hue give the bytes of OpenCV', () => {
  const { factor, rgb } = colour.saturation;
  assert.equal(
    changed(fromBase64(colour.rgb), (pixels) => scaleSaturation(pixels, factor)),
    fromBase64(rgb),
  );
  for (const [shift, wanted] of Object.entries(colour.hue)) {
    assert.equal(
      changed(fromBase64(colour.rgb), (pixels) => turnHue(pixels, Number(shift))),
      fromBase64(wanted),
      `hue ${shift}`,
    );
  }
});

test('brightness and contrast: float32, cut to 0..255, truncated', () => {
  for (const { factor, offset, table } of colour.tables) {
    assert.equal(linearTable(factor, offset), fromBase64(table), `x ${factor} + ${offset}`);
  }
  assert.is(linearTable(1, -0.01)[10], 9);
  assert.is(linearTable(1.5, 0)[255], 255);
  assert.is(linearTable(1, -32)[31], 0);
});

test('distortion: each part comes with probability 1/2, so a sixteenth of images stays as it was', () => {
  const source = fromBase64(colour.rgb).slice(0, 96);
  let same = 0;
  for (let seed = 0; seed < 1600; seed++) {
    const pixels = changed(source, (bytes) => distortColours(new Random(seed), bytes));
    if (pixels.every((value, i) => value === source[i])) same++;
  }
  // 100 in the mean, standard deviation 10; a hue shift of 0 and weak distortions add a few.
  assert.ok(same > 60 && same < 150, `${same} of 1600`);
});

test('the hue turns by -18 to 17 units', () => {
  // Brightness, contrast and saturation leave the hue of red; bytes resolve it to a unit in strong colours.
  const strong = Array.from({ length: 1500 }, (_, seed) =>
    changed([200, 40, 40], (bytes) => distortColours(new Random(seed), bytes)),
  ).filter((pixel) => Math.max(...pixel) < 255 && Math.max(...pixel) - Math.min(...pixel) > 120);
  const hues = strong.map((pixel) => {
    const hue = changed(pixel, rgbToHsv)[0]!;
    return hue < 90 ? hue : hue - 180;
  });
  const [least, most] = [Math.min(...hues), Math.max(...hues)];
  assert.ok(Math.abs(least + 18) <= 1 && Math.abs(most - 17) <= 1, `${least} to ${most}`);
});

test('distortion depends on the seed alone', () => {
  const distort = (seed: number) =>
    changed(fromBase64(colour.rgb), (pixels) => distortColours(new Random(seed), pixels));
  assert.equal(distort(3), distort(3));
  assert.is.not(distort(3).join(), distort(5).join());
});

test.run();
