import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ConfigError } from '../engine/errors.ts';
import { type ProcessSpace, processSpace } from '../engine/host/process_space.ts';
import { attempt, LOCK_NAME } from './run_folder.ts';

/** Ms after which a lock without content is looked at again: its process may be about to write it. */
const PATIENCE = 300;
/** Locks that come and go while one is wanted; more than this is nothing that processes do. */
const MOST_TRIES = 20;

/** The process that a lock names. */
interface Owner extends ProcessSpace {
  pid: number;
}

/** Locks that this process holds: a lock of its own number that is none of them is left from an earlier life. */
const held = new Set<string>();

/**
 * Keeps two processes from training in one folder, whose log and checkpoints would be neither's. A lock whose process
 * has died, as a crash leaves it, is taken over on the same machine.
 */
export class RunLock {
  private readonly root: string;
  private readonly file: string;
  private readonly text: string;
  private readonly self: Owner;
  private isMine = false;
  private readonly onExit = (): void => this.release();

  /** @param root the folder of the run. */
  constructor(root: string) {
    this.root = root;
    this.file = resolve(root, LOCK_NAME);
    this.self = { pid: process.pid, ...processSpace() };
    this.text = `${JSON.stringify(this.self)}\n`;
  }

  /** @throws ConfigError where another process holds the lock, DataError where the folder cannot be written to. */
  async take(): Promise<void> {
    let takenOver = false;
    for (let tries = 0; !this.create(); tries++) {
      let text = this.read();
      if (text === '') {
        await setTimeout(PATIENCE);
        text = this.read();
      }
      if (text === null && tries < MOST_TRIES) continue;
      const owner = ownerIn(text ?? '');
      if (owner === null || !this.isDead(owner)) throw this.refusal(owner);
      this.removeStale(text!);
      takenOver = true;
    }
    if (takenOver) {
      // of several that find a dead process's lock at once, the one whose own is there after a while has it
      await setTimeout(PATIENCE);
      const text = this.read();
      if (text !== this.text) throw this.refusal(ownerIn(text ?? ''));
    }
    this.isMine = true;
    held.add(this.file);
    // for the second Ctrl-C, which ends the process at once
    process.on('exit', this.onExit);
  }

  /** Gives the folder free; does nothing where the lock is not held. */
  release(): void {
    if (!this.isMine) return;
    this.isMine = false;
    held.delete(this.file);
    process.off('exit', this.onExit);
    try {
      if (readFileSync(this.file, 'utf8') === this.text) rmSync(this.file);
    } catch {
      // the folder may be gone, and a lock that stays is that of a dead process
    }
  }

  private create(): boolean {
    return attempt(this.file, () => createNew(this.file, this.text));
  }

  /** What the lock says; null where it has gone meanwhile. */
  private read(): string | null {
    return attempt(this.file, () => unlessMissing(() => readFileSync(this.file, 'utf8')));
  }

  private isDead({ pid, host, boot, container }: Owner): boolean {
    if (host !== this.self.host) return false;
    if (boot !== this.self.boot) return boot !== '' && this.self.boot !== '';
    // another container's processes cannot be asked about
    if (container !== this.self.container) return false;
    return pid === this.self.pid ? !held.has(this.file) : !isRunning(pid);
  }

  /** Takes a dead process's lock away, unless another process has done so and put its own there since. */
  private removeStale(text: string): void {
    const aside = `${this.file}.${this.self.pid}`;
    attempt(this.file, () =>
      unlessMissing(() => {
        renameSync(this.file, aside);
        const found = readFileSync(aside, 'utf8');
        rmSync(aside);
        if (found !== text) createNew(this.file, found);
        return found;
      }),
    );
  }

  private refusal(owner: Owner | null): ConfigError {
    const file = join(this.root, LOCK_NAME);
    if (owner === null) {
      return new ConfigError(
        `--work-dir ${this.root}: ${file} names no process, wanted the one that trains there`,
        `Remove ${file} where no other process trains in the folder, or choose another --work-dir`,
      );
    }
    const { pid, host } = owner;
    return new ConfigError(
      `--work-dir ${this.root}: process ${pid} on ${host} is training in it`,
      `Wait for it, stop it with Ctrl-C, or choose another --work-dir; where no such process trains any more, remove ${file}`,
    );
  }
}

/** Writes a file that must not be there yet. @returns whether it was not. */
function createNew(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function unlessMissing(action: () => string): string | null {
  try {
    return action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function ownerIn(text: string): Owner | null {
  try {
    const { pid, host, boot = '', container = '' } = JSON.parse(text);
    const names = [host, boot, container].every((name) => typeof name === 'string');
    return Number.isSafeInteger(pid) && pid > 0 && names ? { pid, host, boot, container } : null;
  } catch {
    return null;
  }
}

/** Signal 0 asks, also on Windows, and sends nothing. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // a process of another user may be asked about no further, but it is there
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
