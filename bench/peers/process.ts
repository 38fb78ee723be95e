import { type ChildProcess, fork } from 'node:child_process';
import type { Answer, ContenderId, FirstResult, Question, Ran } from './messages.ts';
import type { Racer } from './race.ts';
import type { Work } from './works.ts';

const WORKER = new URL('./worker_main.ts', import.meta.url);
/** The slowest compile takes a minute on a busy machine with two cores. */
const LIMIT_MS = 10 * 60_000;
/** How much of what a contender printed is kept to explain its end. */
const KEPT_TEXT = 2000;

/** A contender in a process of its own, which starts with the first question, also after it crashed. */
export class ContenderProcess implements Racer {
  readonly name: string;
  private readonly id: ContenderId;
  private readonly adapter: string | undefined;
  private child: ChildProcess | undefined;
  private printed = '';

  constructor(id: ContenderId, name: string, adapter: string | undefined) {
    this.id = id;
    this.name = name;
    this.adapter = adapter;
  }

  prepare(work: Work): Promise<FirstResult> {
    return this.ask({ ask: 'prepare', work }) as Promise<FirstResult>;
  }

  async run(count: number): Promise<number> {
    return ((await this.ask({ ask: 'run', count })) as Ran).ms;
  }

  async release(): Promise<void> {
    if (this.child) await this.ask({ ask: 'release' });
  }

  stop(): void {
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }

  /** @throws Error with the reason: the contender's own, a crash, or taking too long. */
  private ask(question: Question): Promise<FirstResult | Ran | null> {
    const child = this.child ?? this.start();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
        settle();
      };
      const fail = (reason: string): void => end(() => reject(new Error(reason)));
      const onMessage = (answer: Answer): void => {
        if ('reason' in answer) fail(answer.reason);
        else end(() => resolve(answer.value));
      };
      const onExit = (code: number | null, signal: string | null): void =>
        fail(`its process ended with ${signal ?? `exit code ${code}`}${this.lastWords()}`);
      const onError = (error: Error): void => fail(error.message);
      const timer = setTimeout(() => {
        this.stop();
        fail(`took longer than ${LIMIT_MS / 60_000} minutes`);
      }, LIMIT_MS);
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      child.send(question);
    });
  }

  private start(): ChildProcess {
    const child = fork(WORKER, [this.id, ...(this.adapter ? [this.adapter] : [])], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.printed = (this.printed + text).slice(-KEPT_TEXT);
      });
    }
    child.once('exit', () => {
      if (this.child === child) this.child = undefined;
    });
    this.child = child;
    return child;
  }

  private lastWords(): string {
    const line = this.printed.trim().split('\n').at(-1);
    return line ? `: ${line}` : '';
  }
}
