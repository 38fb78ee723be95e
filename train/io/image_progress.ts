import { formatDuration, type ProgressStream } from './progress.ts';

/** Seconds between two lines where they cannot be rewritten. */
const lineEvery = 15;

/**
 * Shows how many images are done: on a terminal one line that is rewritten, elsewhere a line now and then and one at
 * the end.
 * @param verb what happened to them, such as `evaluated`.
 * @param now the time in seconds.
 */
export function imageProgress(
  stream: ProgressStream,
  verb: string,
  now: () => number = () => performance.now() / 1000,
): (done: number, total: number) => void {
  const start = now();
  let shown = start;
  return (done, total) => {
    const time = now();
    const ended = done === total;
    if (!stream.isTTY && !ended && time - shown < lineEvery) return;
    shown = time;
    const seconds = Math.max(time - start, 1e-9);
    const rate = `${(done / seconds).toFixed(1)} images/s`;
    const rest = ended
      ? `in ${formatDuration(seconds)}`
      : `ETA ${formatDuration((seconds / done) * (total - done))}`;
    const line = `${verb} ${done}/${total} images  ${rate}  ${rest}`;
    if (!stream.isTTY) stream.write(`${line}\n`);
    else
      stream.write(`\r\x1b[K${line.slice(0, Math.max((stream.columns ?? 80) - 1, 1))}${ended ? '\n' : ''}`);
  };
}
