import { hostname } from 'node:os';

/** The name of this machine, by which processes on shared drives tell where another one runs. */
export function hostName(): string {
  return hostname();
}
