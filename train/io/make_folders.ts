import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isKind } from '../../engine/host/path_kind.ts';

/**
 * Makes a folder with those above it; one that is there is used. It goes from the nearest that is there, one by one:
 * below virtual file systems such as /proc Node's recursive mkdir never comes back.
 */
export function makeFolders(folder: string): void {
  let top = resolve(folder);
  const missing = [top];
  while (!existsSync(dirname(top)) && dirname(top) !== top) {
    top = dirname(top);
    missing.unshift(top);
  }
  missing.forEach(makeFolder);
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    // also where another process has made it meanwhile
    if (isKind(path, 'folder')) return;
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && isKind(parent, 'folder')) {
      throw new Error(`no folder can be made in ${parent} (ENOENT)`);
    }
    throw error;
  }
}
