import { type ChildProcess, spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

/** One child process whose outcome is counted: a test file, the type-check or the linter. */
export interface Task {
  name: string;
  /** Arguments of the `node` that runs it. */
  args: string[];
  /** A file of uvu tests must print uvu's summary; a check counts as one test by its exit code. */
  kind: 'file' | 'check';
}

/** How a child process ended. */
export interface Outcome {
  /** Null when a signal ended it. */
  code: number | null;
  timedOut: boolean;
  output: string;
}

export interface Verdict {
  passed: number;
  failed: number;
  /** Why it counts as failed beyond its own report, or empty. */
  problem: string;
}

interface Summary {
  total: number;
  passed: number;
  skipped: number;
}

/** uvu's closing summary in the output of a test file, or null when the file never came to its end. */
export function parseSummary(output: string): Summary | null {
  const pattern = /^ *Total: +(\d+)\n *Passed: +(\d+)\n *Skipped: +(\d+)\n *Duration: /gm;
  const found = [...stripVTControlCharacters(output).matchAll(pattern)].at(-1);
  return found ? { total: Number(found[1]), passed: Number(found[2]), skipped: Number(found[3]) } : null;
}

/**
 * Counts what a task achieved. Nothing passes silently: a file that crashed, ran out of time, reports no tests or
 * skipped some has failed, and so has one whose hook threw (uvu then reports fewer passed than there are).
 */
export function judge(kind: Task['kind'], { code, timedOut, output }: Outcome): Verdict {
  const ended = timedOut
    ? 'ran out of time'
    : `ended with ${code === null ? 'a signal' : `exit code ${code}`}`;
  const clean = code === 0 && !timedOut;
  if (kind === 'check') return clean ? one('passed', '') : one('failed', ended);
  const summary = parseSummary(output);
  if (summary === null) return one('failed', `${ended} before uvu's summary`);
  const { total, passed, skipped } = summary;
  if (total + skipped === 0) return one('failed', 'reports no tests');
  const failed = total - passed + skipped;
  if (skipped > 0) return { passed, failed, problem: `${skipped} skipped` };
  if (clean) return { passed, failed, problem: failed > 0 ? `${failed} never finished: a hook threw` : '' };
  return failed > 0 && code === 1
    ? { passed, failed, problem: '' }
    : { passed, failed: failed + 1, problem: ended };
}

function one(what: 'passed' | 'failed', problem: string): Verdict {
  return { passed: what === 'passed' ? 1 : 0, failed: what === 'failed' ? 1 : 0, problem };
}

const running = new Set<ChildProcess>();

/** Runs a task to its end or its time limit, in a process group of its own so that its children end with it. */
export function runTask(task: Task, cwd: string, limitSeconds: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, task.args, {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      kill(child);
    }, limitSeconds * 1000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code, timedOut, output });
    });
  });
}

/** Ends every task that still runs, with everything it started. */
export function killAll(): void {
  for (const child of running) kill(child);
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
  } catch (error) {
    // it ended between the timer and now
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
