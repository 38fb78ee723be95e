import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Random } from '../../../engine/random.ts';
import {
  distortColours,
  linearTable,
  scaleSaturation,
  turnHue,
} from '../../../train/data/image/photometric.ts';

/** Which parts of the distortion are done, in which order and with which draws: the source is scripted. */
const test = suite('data_photometric');

const pixels = Uint8Array.from({ length: 3 * 40 }, (_, i) => (i * 67 + 31) % 256);

/** Distorts with these coins and the share `at` of every range; notes every draw. */
function distorted(coins: readonly boolean[], at = 0.75): { bytes: Uint8Array; draws: string[] } {
  const draws: string[] = [];
  const left = [...coins];
  const random = {
    chance(probability: number) {
      draws.push(`chance ${probability}`);
      assert.ok(left.length > 0, 'one coin too many');
      return left.shift()!;
    },
    uniform(low: number, high: number) {
      draws.push(`uniform ${low} ${high}`);
      return low + (high - low) * at;
    },
    integer(low: number, high: number) {
      draws.push(`integer ${low} ${high}`);
      return low + Math.floor((high - low) * at);
    },
  };
  const bytes = pixels.slice();
  distortColours(random as unknown as Random, bytes);
  assert.equal(left, [], 'coins that were not drawn');
  return { bytes, draws };
}

const brighter = (offset: number) => (bytes: Uint8Array) => void bytes.set(bytes.map(byteOf(1, offset)));
const contrast = (factor: number) => (bytes: Uint8Array) => void bytes.set(bytes.map(byteOf(factor, 0)));
const saturated = (factor: number) => (bytes: Uint8Array) => scaleSaturation(bytes, factor);
const turned = (shift: number) => (bytes: Uint8Array) => turnHue(bytes, shift);
function byteOf(factor: number, offset: number): (value: number) => number {
  const table = linearTable(factor, offset);
  return (value) => table[value]!;
}

function after(...parts: ((bytes: Uint8Array) => void)[]): Uint8Array {
  const bytes = pixels.slice();
  for (const part of parts) part(bytes);
  return bytes;
}

const [yes, no] = [true, false];
const half = 'chance 0.5';

test('all parts, contrast first: brightness, contrast, saturation, hue', () => {
  const { bytes, draws } = distorted([yes, yes, yes, yes, yes]);
  assert.equal(bytes, after(brighter(16), contrast(1.25), saturated(1.25), turned(9)));
  const factor = 'uniform 0.5 1.5';
  assert.equal(draws, [half, 'uniform -32 32', half, half, factor, half, factor, half, 'integer -18 18']);
});

test('all parts, contrast last', () => {
  const { bytes, draws } = distorted([yes, no, yes, yes, yes]);
  assert.equal(bytes, after(brighter(16), saturated(1.25), turned(9), contrast(1.25)));
  const factor = 'uniform 0.5 1.5';
  assert.equal(draws, [half, 'uniform -32 32', half, half, factor, half, 'integer -18 18', half, factor]);
});

test('each part alone, and none', () => {
  const alone: [boolean[], Uint8Array][] = [
    [[yes, yes, no, no, no], after(brighter(16))],
    [[no, yes, yes, no, no], after(contrast(1.25))],
    [[no, no, no, no, yes], after(contrast(1.25))],
    [[no, yes, no, yes, no], after(saturated(1.25))],
    [[no, yes, no, no, yes], after(turned(9))],
    [[no, yes, no, no, no], pixels],
    [[no, no, no, no, no], pixels],
  ];
  for (const [coins, wanted] of alone) assert.equal(distorted(coins).bytes, wanted, coins.join());
});

test('the hue turns by -18 to 17 units, the ends included', () => {
  const hueOnly = [no, yes, no, no, yes];
  assert.equal(distorted(hueOnly, 0).bytes, after(turned(-18)));
  assert.equal(distorted(hueOnly, 0.999).bytes, after(turned(17)));
});

test.run();
