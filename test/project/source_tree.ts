import { readdir, readFile } from 'node:fs/promises';
import { posix } from 'node:path';

/** One source file of the project. */
export interface Source {
  /** From the project's root, with slashes: `engine/gpu/pool.ts`. */
  path: string;
  text: string;
  /** Imported files by path from the root; packages and Node's modules by their name. */
  imports: string[];
}

/** Folders in order of dependency. */
export const FOLDERS = ['kernels', 'engine', 'model', 'train', 'bench', 'test'] as const;

/** Every `.ts` and `.wgsl` file under the source folders. */
export async function readSources(root: URL): Promise<Source[]> {
  const lists = FOLDERS.map(async (folder) => {
    const names = await readdir(new URL(folder, root), { recursive: true });
    const own = names.filter((name) => /\.(ts|wgsl)$/.test(name) && !name.includes('node_modules/'));
    return own.map((name) => `${folder}/${name}`);
  });
  const paths = (await Promise.all(lists)).flat().sort();
  return Promise.all(paths.map(async (path) => toSource(path, await readFile(new URL(path, root), 'utf8'))));
}

export function toSource(path: string, text: string): Source {
  return { path, text, imports: path.endsWith('.ts') ? importsOf(path, text) : [] };
}

/** What static imports, re-exports and `import('...')` with a literal name refer to. */
function importsOf(path: string, text: string): string[] {
  const code = withoutComments(text);
  const statements = code.matchAll(/^\s*(?:import|export)\b(?:[^'"`;=()]*?\bfrom)?\s*['"]([^'"\n]+)['"]/gm);
  const calls = code.matchAll(/\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g);
  const names = [...statements, ...calls].map(([, name]) => name);
  return names.map((name) => (name.startsWith('.') ? posix.join(posix.dirname(path), name) : name));
}

/** The text without comments, line for line. A `//` after a quote or a colon, as in an address, is kept. */
export function withoutComments(text: string): string {
  const lines = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''));
  return lines.replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

/** Groups of files that import each other in a circle, each as the path walked; empty when there are none. */
export function importCircles(sources: readonly Source[]): string[][] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const circles: string[][] = [];
  const walk = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      circles.push([...trail.slice(start), path]);
      return;
    }
    if (done.has(path)) return;
    for (const next of byPath.get(path)?.imports ?? []) {
      if (byPath.has(next)) walk(next, [...trail, path]);
    }
    done.add(path);
  };
  for (const { path } of sources) walk(path, []);
  return circles;
}
