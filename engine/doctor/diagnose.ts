import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { promisify } from 'node:util';
import { AdapterError } from '../errors.ts';
import { type ListedAdapter, listAdapters, nodePlatform } from '../gpu/node.ts';
import { isSoftware } from '../gpu/platform.ts';
import { parseOsRelease } from './apt.ts';
import { type ComputeCheck, checkCompute } from './compute_check.ts';
import { ensureAdapter } from './ensure.ts';
import { hiddenGpus } from './machine.ts';
import { checkPackages, isAtLeast, type PackageCheck, type PackageFile } from './versions.ts';

const ROOT = new URL('../../', import.meta.url);
/** Limits that decide what the kernels can do. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxUniformBufferBindingSize',
  'minUniformBufferOffsetAlignment',
  'minStorageBufferOffsetAlignment',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

export interface AdapterReport {
  vendor: string;
  architecture: string;
  device: string;
  /** Description as the driver gives it: on Vulkan its name and version. */
  driver: string;
  backend: string;
  software: boolean;
  /** Smallest and largest subgroup, or null when the adapter has none. */
  subgroups: { min: number; max: number } | null;
  features: string[];
  limits: Record<string, number>;
}

/** Everything `npm run doctor` knows about a machine. */
export interface Report {
  ok: boolean;
  /** What is wrong, each with what to do about it; empty when all is well. */
  problems: { problem: string; hint: string }[];
  node: { version: string; wanted: string; ok: boolean };
  system: { name: string; kernel: string; cpu: string; cores: number; memoryGiB: number; freeGiB: number };
  tools: Record<string, string | null>;
  packages: PackageCheck[];
  adapters: ListedAdapter[];
  adapter: AdapterReport | null;
  compute: ComputeCheck | null;
  /** Worth knowing, but nothing is wrong. */
  notes: string[];
}

export interface DiagnoseOptions {
  /** Part of the adapter's name. */
  adapter?: string;
  /** Whether {@link ensureAdapter} may install one; true by default. */
  install?: boolean;
}

/** Looks at Node, the machine, the installed packages and the adapter, on which it runs a small dispatch. */
export async function diagnose({ adapter: name, install = true }: DiagnoseOptions = {}): Promise<Report> {
  const problems: Report['problems'] = [];
  const note = (problem: string, hint: string): void => {
    problems.push({ problem, hint });
  };
  const project = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8')) as PackageFile;
  const wanted = project.engines?.node ?? '';
  const nodeOk = isAtLeast(process.versions.node, wanted);
  if (!nodeOk) note(`Node ${process.versions.node} is too old`, `Install Node ${wanted}.`);
  const packages = await checkPackages(project, ROOT);
  if (packages.some((found) => found.installed !== found.wanted)) {
    note('installed packages differ from package.json', 'Run `npm ci`.');
  }

  let chosen: GPUAdapter | null = null;
  try {
    const platform = nodePlatform();
    await ensureAdapter({ adapter: name, install, platform });
    chosen = await platform.requestAdapter({ adapter: name });
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    note(error.message, error.hint);
  }
  // where Dawn itself cannot be loaded, that has been noted above
  const adapters = await listAdapters().catch(() => []);
  const compute = chosen && (await checkCompute(chosen));
  if (compute && !compute.ok) {
    note(
      `the adapter computes wrongly: ${compute.problem}`,
      'Update its driver, or choose another with --adapter.',
    );
  }
  const adapter = chosen && describeAdapter(chosen, adapters);
  return {
    ok: problems.length === 0,
    problems,
    node: { version: process.versions.node, wanted, ok: nodeOk },
    system: await describeSystem(),
    tools: { npm: await versionOf('npm'), git: await versionOf('git') },
    packages,
    adapters,
    adapter,
    compute,
    notes: adapter?.software ? hiddenGpus() : [],
  };
}

function describeAdapter(
  { info, features, limits }: GPUAdapter,
  listed: readonly ListedAdapter[],
): AdapterReport {
  // Dawn makes the device's name of the listed one: lower case, a dash for each run of anything but letters and digits
  const slug = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const entry = listed.find(({ name }) => slug(name) === info.device);
  const backends = [...new Set(listed.map(({ backend }) => backend))];
  const { subgroupMinSize: min = 0, subgroupMaxSize: max = 0 } = info;
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    device: entry?.name ?? info.device,
    driver: info.description,
    backend: entry?.backend ?? backends.join(' or '),
    software: isSoftware(info),
    subgroups: features.has('subgroups') ? { min, max } : null,
    features: [...features].sort(),
    limits: Object.fromEntries(LIMITS.map((limit) => [limit, Number(limits[limit])])),
  };
}

async function describeSystem(): Promise<Report['system']> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => null);
  const gibibytes = (bytes: number): number => Math.round((bytes / 2 ** 30) * 10) / 10;
  return {
    name: release ? parseOsRelease(release).pretty : `${os.type()} ${os.release()}`,
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    cpu: os.cpus()[0]?.model.trim() || 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: gibibytes(os.totalmem()),
    freeGiB: gibibytes(os.freemem()),
  };
}

/** The first number in what `TOOL --version` prints, or null when the tool is missing. */
async function versionOf(tool: string): Promise<string | null> {
  const output = await promisify(execFile)(tool, ['--version'], {
    shell: process.platform === 'win32',
  }).catch(() => null);
  return /\d[\w.]*/.exec(output?.stdout ?? '')?.[0] ?? null;
}
