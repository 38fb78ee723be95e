import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { UserError } from '../../engine/errors.ts';

const FOLDER = new URL('./', import.meta.url);
const run = promisify(execFile);

/**
 * Installs the peers into `bench/peers/node_modules`, unless what its lock file says is there already.
 * @throws UserError with npm's last words.
 */
export async function installPeers(note: (text: string) => void): Promise<void> {
  const [installed, locked] = await Promise.all(
    ['node_modules/.package-lock.json', 'package-lock.json'].map((name) => changedAt(new URL(name, FOLDER))),
  );
  if (installed >= locked) return;
  note('installing the peers into bench/peers (about 600 MB)');
  const folder = fileURLToPath(FOLDER);
  // by a shell, since npm is a script on Windows; no scripts of packages: onnxruntime's would download CUDA
  const options = { cwd: folder, shell: true, maxBuffer: 1 << 26 };
  await run('npm ci --ignore-scripts --no-audit --no-fund', options).catch((failure: Error) => {
    const last = failure.message.trimEnd().split('\n').slice(-6).join('\n');
    throw new UserError(
      `the peers cannot be installed:\n${last}`,
      `Look at it with \`npm ci\` in ${folder}.`,
    );
  });
}

/** The version of an installed package. */
export async function versionOf(name: string): Promise<string> {
  const file = new URL(`node_modules/${name}/package.json`, FOLDER);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}

/** 0 for a file that is not there. */
async function changedAt(file: URL): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
