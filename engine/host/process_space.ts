import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where the number of a process means something. What the system does not tell is empty. */
export interface ProcessSpace {
  /** The machine, by its name. */
  host: string;
  /** The time since the machine was started. */
  boot: string;
  /** The container. */
  container: string;
}

/** That of this process. */
export function processSpace(): ProcessSpace {
  return {
    host: hostname(),
    boot: orNothing(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    container: orNothing(() => readlinkSync('/proc/self/ns/pid')),
  };
}

function orNothing(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
