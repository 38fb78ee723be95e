import type { RunConfig } from '../config/config.ts';
import { formatDuration, type Progress, type ProgressStream, showProgress } from '../io/progress.ts';
import { type Figures, figureLine } from './figures.ts';

/** A series of trainings on the embedded default as it is asked for. */
export interface ExperimentRequest {
  /** What all trainings share; the seed is that of the first. */
  config: RunConfig;
  seeds: number[];
  /** File that the results are written to; null: only printed. */
  json: string | null;
  banner: string | null;
}

/** Tells how a series of trainings goes: what each gave and how long the rest will take. */
export interface Series {
  /** Runs one of the trainings; its result is told in a line. */
  run<Result>(
    name: string,
    body: () => Promise<Result>,
    figures: (result: Result) => Figures,
  ): Promise<Result>;
}

/**
 * @param total how many trainings there will be.
 * @param now the time in seconds.
 */
export function openSeries(
  total: number,
  progress: Pick<Progress, 'note' | 'finish'>,
  now: () => number = () => performance.now() / 1000,
): Series {
  const start = now();
  let done = 0;
  return {
    async run(name, body, figures) {
      const begun = now();
      const result = await body();
      progress.finish();
      done++;
      const left = ((now() - start) / done) * (total - done);
      const rest = done < total ? `; about ${formatDuration(left)} left` : '';
      progress.note(
        `${done}/${total} ${name}: ${figureLine(figures(result))} (${formatDuration(now() - begun)}${rest})`,
      );
      return result;
    },
  };
}

/** Notes always, steps on a terminal only: a series of trainings would fill a log with them. */
export function seriesProgress(stream: ProgressStream): Progress {
  const progress = showProgress(stream);
  return stream.isTTY ? progress : { ...progress, report: () => {} };
}
