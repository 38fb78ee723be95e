import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { imageProgress } from '../../train/io/image_progress.ts';
import {
  formatBytes,
  formatDuration,
  formatStep,
  type StepReport,
  showProgress,
  throughputMeter,
} from '../../train/io/progress.ts';

const test = suite('progress');

const report: StepReport = {
  step: 20,
  maxIters: 380,
  losses: { loss: 2.34567, focal: 0.0123456, dice: 0.98765 },
  learningRate: 2.9e-3,
  imagesPerSecond: 42.123,
  gpuBytes: 120 * 2 ** 20,
  dataWait: 0.014,
  secondsLeft: 187,
};
const line =
  'step  20/380  loss 2.346  focal 0.01235  dice 0.9877  lr 2.90e-3  42.1 images/s  GPU 120 MiB  data wait 1%  ETA 3:07';

test('a step is one line', () => assert.is(formatStep(report), line));

test('durations and bytes', () => {
  assert.equal([0, 59.4, 59.6, 187, 3600, 7387].map(formatDuration), [
    '0 s',
    '59 s',
    '1:00',
    '3:07',
    '1:00:00',
    '2:03:07',
  ]);
  assert.equal([0, 512, 1024, 1536, 120 * 2 ** 20, 2.5 * 2 ** 30].map(formatBytes), [
    '0 B',
    '512 B',
    '1.0 KiB',
    '1.5 KiB',
    '120 MiB',
    '2.5 GiB',
  ]);
});

test('throughput is that of the steps since the last report', () => {
  let time = 100;
  const meter = throughputMeter(() => time);
  time += 4;
  meter.step(8, 0.5);
  meter.step(8, 0.5);
  assert.equal(meter.take(10), { imagesPerSecond: 4, dataWait: 0.25, secondsLeft: 20 });
  time += 1;
  meter.step(8, 0);
  assert.equal(meter.take(3), { imagesPerSecond: 8, dataWait: 0, secondsLeft: 3 });
});

test('throughput leaves out what happened before a restart', () => {
  let time = 0;
  const meter = throughputMeter(() => time);
  time = 1000;
  meter.restart();
  time = 1002;
  meter.step(8, 1);
  assert.equal(meter.take(1), { imagesPerSecond: 4, dataWait: 0.5, secondsLeft: 2 });
  time = 1003;
  assert.equal(meter.take(1), { imagesPerSecond: 0, dataWait: 0, secondsLeft: 0 }, 'no step, no guess');
});

/** What `use` writes to a terminal, or to a file. */
function written(
  terminal: { columns: number } | null,
  use: (progress: ReturnType<typeof showProgress>) => void,
) {
  let output = '';
  const stream = {
    ...(terminal ? { isTTY: true, columns: terminal.columns } : {}),
    write: (text: string) => {
      output += text;
    },
  };
  use(showProgress(stream));
  return output;
}

const twoReports = (progress: ReturnType<typeof showProgress>) => {
  progress.note('begin');
  progress.report(report);
  progress.note('saved');
  progress.report({ ...report, step: 30 });
  progress.finish();
  progress.note('end');
};

test('outside a terminal every report is a line of its own', () => {
  const second = line.replace(' 20/', ' 30/');
  assert.is(written(null, twoReports), `begin\n${line}\nsaved\n${second}\nend\n`);
});

test('on a terminal one line is rewritten, notes stay above it, and it never wraps', () => {
  const erase = '\r\x1b[K';
  const first = line.slice(0, 39);
  const second = first.replace(' 20/', ' 30/');
  assert.is(
    written({ columns: 40 }, twoReports),
    `begin\n${erase}${first}${erase}saved\n${erase}${first}${erase}${second}\nend\n`,
  );
});

/** What 60 images print, one a second. */
function printed(isTTY: boolean): string[] {
  const texts: string[] = [];
  let time = 0;
  const progress = imageProgress(
    { isTTY, columns: 60, write: (text) => texts.push(text) },
    'evaluated',
    () => time,
  );
  for (let done = 1; done <= 60; done++) {
    time += 1;
    progress(done, 60);
  }
  return texts;
}

test('images are counted: a line now and then, on a terminal one line that is rewritten', () => {
  assert.equal(printed(false), [
    'evaluated 15/60 images  1.0 images/s  ETA 45 s\n',
    'evaluated 30/60 images  1.0 images/s  ETA 30 s\n',
    'evaluated 45/60 images  1.0 images/s  ETA 15 s\n',
    'evaluated 60/60 images  1.0 images/s  in 1:00\n',
  ]);
  const lines = printed(true);
  assert.is(lines.length, 60);
  assert.is(lines[0], '\r\x1b[Kevaluated 1/60 images  1.0 images/s  ETA 59 s');
  assert.is(lines[59], '\r\x1b[Kevaluated 60/60 images  1.0 images/s  in 1:00\n');
});

test.run();
