import { fileURLToPath } from 'node:url';
import { fileSafe } from '../engine/gpu/platform.ts';

/**
 * Where `--json` without a name writes: `bench/results/KIND-ADAPTER.json`. A software adapter is as fast as its CPU,
 * which therefore belongs to the name.
 * @param key of the adapter and its driver.
 */
export function resultsFile(
  kind: 'peers' | 'scaling',
  { key, software }: { key: string; software: boolean },
  cpu: string,
): string {
  const name = software ? `${key}-${fileSafe(cpu)}` : key;
  return fileURLToPath(new URL(`results/${kind}-${name}.json`, import.meta.url));
}
