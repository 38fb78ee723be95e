import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AdapterError } from '../errors.ts';
import { type AptSource, parseAptSources, parseOsRelease } from './apt.ts';
import { type Facts, type InstallPlan, shellLines } from './plan.ts';

/** The machine as the installer sees and changes it; tests put another one in its place. */
export interface Machine {
  readonly root: boolean;
  /** Whether this process was started again by {@link Machine.restart}. */
  readonly restarted: boolean;
  facts(): Promise<Facts>;
  /** Carries a plan out. @throws AdapterError with the command and the end of its output. */
  execute(plan: InstallPlan): Promise<void>;
  /** Runs the same command again in a new process and ends this one with its exit code. */
  restart(): never;
}

const RESTARTED = 'CASCADE_ADAPTER_INSTALLED';
const MINUTES = 60_000;
const run = promisify(execFile);

export const thisMachine: Machine = {
  root: process.getuid?.() === 0,
  restarted: process.env[RESTARTED] !== undefined,
  facts: gatherFacts,
  execute,
  restart(): never {
    const child = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      stdio: 'inherit',
      env: { ...process.env, [RESTARTED]: '1' },
    });
    process.exit(child.status ?? 1);
  },
};

async function gatherFacts(): Promise<Facts> {
  const osRelease = await readOptional('/etc/os-release');
  const override = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((name) => process.env[name]);
  return {
    platform: process.platform,
    os: osRelease === null ? null : parseOsRelease(osRelease),
    apt: existsSync('/usr/bin/apt-get'),
    sources: await readAptSources('/etc/apt'),
    mesa: await installedMesa(),
    override: override ? `${override}=${process.env[override]}` : null,
  };
}

/** A note for each GPU that the kernel knows and Vulkan may not. */
export function hiddenGpus(): string[] {
  return existsSync('/dev/nvidiactl')
    ? [
        'There is an NVIDIA GPU that Vulkan does not see. In a container, start it with NVIDIA_DRIVER_CAPABILITIES=all; elsewhere install the Vulkan part of the driver (Debian: nvidia-vulkan-icd, Ubuntu: libnvidia-gl-*).',
      ]
    : [];
}

/** Every enabled entry of `sources.list` and `sources.list.d`. */
export async function readAptSources(folder: string): Promise<AptSource[]> {
  const parts = join(folder, 'sources.list.d');
  const names = await readdir(parts).catch(() => []);
  const files = names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(parts, name));
  const texts = [join(folder, 'sources.list'), ...files].map(async (file) =>
    parseAptSources(file, (await readOptional(file)) ?? ''),
  );
  return (await Promise.all(texts)).flat();
}

async function readOptional(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

/** The version of `mesa-vulkan-drivers`, or null when it or the Vulkan loader is not installed. */
async function installedMesa(): Promise<string | null> {
  const format = `${['db:Status-Status', 'Package', 'Version'].map((field) => `\${${field}}`).join(' ')}\\n`;
  const query = await run('dpkg-query', ['-W', '-f', format, 'mesa-vulkan-drivers', 'libvulkan1']).catch(
    // a package that dpkg has never seen makes it fail, with the others listed all the same
    (failure: { stdout?: string }) => ({ stdout: failure.stdout ?? '' }),
  );
  const versionOf = (name: string): string | undefined =>
    new RegExp(`^installed ${name} (.*)$`, 'm').exec(query.stdout)?.[1];
  return versionOf('libvulkan1') ? (versionOf('mesa-vulkan-drivers') ?? null) : null;
}

async function execute(plan: InstallPlan): Promise<void> {
  if (plan.file) await writeFile(plan.file.path, plan.file.text);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  let complaints = '';
  for (const [program, ...rest] of plan.commands) {
    const result = await run(program, rest, { env, timeout: 10 * MINUTES, maxBuffer: 1 << 26 }).catch(
      (failure: Error & { stderr?: string }) => failure,
    );
    complaints += result.stderr || (result instanceof Error ? result.message : '');
    // one unreachable archive fails the update; the install tells whether it was one that is needed
    if (!(result instanceof Error) || rest[0] === 'update') continue;
    const last = complaints.trimEnd().split('\n').slice(-8).join('\n');
    throw new AdapterError(
      `${[program, ...rest].join(' ')} failed:\n${last}`,
      `Check the network and the apt sources, or run it by hand:\n\n${shellLines(plan, '').join('\n')}\n`,
    );
  }
}
