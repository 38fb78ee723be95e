import { readFile } from 'node:fs/promises';

/** The fields of a `package.json` that the doctor reads. */
export interface PackageFile {
  version?: string;
  engines?: { node?: string };
  dependencies?: Record<string, string>;
}

export interface PackageCheck {
  name: string;
  wanted: string;
  /** Null when it is not installed. */
  installed: string | null;
}

/** Whether a version satisfies `>=MAJOR.MINOR[.PATCH]`. */
export function isAtLeast(version: string, range: string): boolean {
  const numbers = (text: string): number[] => text.replace(/^\D+/, '').split('.').map(Number);
  const have = numbers(version);
  const want = numbers(range);
  for (const [i, part] of want.entries()) {
    if ((have[i] ?? 0) !== part) return (have[i] ?? 0) > part;
  }
  return true;
}

/** The dependencies of a project, which pins exact versions, beside what is installed under `root`. */
export async function checkPackages(project: PackageFile, root: URL): Promise<PackageCheck[]> {
  const checks = Object.entries(project.dependencies ?? {}).map(async ([name, wanted]) => {
    const text = await readFile(new URL(`node_modules/${name}/package.json`, root), 'utf8').catch(() => null);
    return { name, wanted, installed: text && ((JSON.parse(text) as PackageFile).version ?? null) };
  });
  return Promise.all(checks);
}
