import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The name of this machine, by which processes on shared drives tell where another one runs. */
export function hostName(): string {
  return hostname();
}

/**
 * Where the number of a process means something: since the machine was started, and in which container. Empty where the
 * system does not tell.
 */
export interface ProcessSpace {
  boot: string;
  container: string;
}

export function processSpace(): ProcessSpace {
  return {
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
