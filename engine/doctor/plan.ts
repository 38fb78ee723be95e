import type { AptSource, OsRelease } from './apt.ts';

/** What is known of a machine on which no adapter was found. */
export interface Facts {
  /** `process.platform`. */
  platform: string;
  /** Null where there is no `/etc/os-release`. */
  os: OsRelease | null;
  /** Whether `apt-get` is there. */
  apt: boolean;
  sources: AptSource[];
  /** Version of the installed Mesa Vulkan drivers, or null when they or the Vulkan loader are missing. */
  mesa: string | null;
  /** The environment variable that overrides the list of Vulkan drivers, as `NAME=value`, or null. */
  override: string | null;
}

/** Steps that bring an adapter, to be run as root: write the file, then run the commands in order. */
export interface InstallPlan {
  kind: 'install';
  /** What gets installed, in words. */
  what: string;
  file: { path: string; text: string } | null;
  commands: string[][];
}

/** Nothing that could be run without a person: what is wrong and what to do. */
export interface ManualPlan {
  kind: 'manual';
  problem: string;
  hint: string;
}

export type Plan = InstallPlan | ManualPlan;

const PACKAGES = ['mesa-vulkan-drivers', 'libvulkan1'];
const SOURCES_FILE = '/etc/apt/sources.list.d/cascade-clip-backports.sources';
const DEFAULT_MIRROR: AptSource = {
  uris: ['http://deb.debian.org/debian'],
  suites: ['bookworm'],
  components: ['main'],
  trust: { 'Signed-By': '/usr/share/keyrings/debian-archive-keyring.gpg' },
};
/** Dawn refuses the lavapipe of Mesa 22.3, which Debian 12 ships. */
const OLDEST_MESA = 23;
const BACKPORTS_CODENAME = 'bookworm';

/** Decides what brings a WebGPU adapter to a machine that has none. */
export function planInstall(facts: Facts): Plan {
  if (facts.override) {
    return manual(
      `no WebGPU adapter was found, and ${facts.override} hides the installed Vulkan drivers`,
      'Unset the variable, or point it at the .json manifest of a driver that works.',
    );
  }
  if (facts.platform !== 'linux' || !facts.os) return elsewhere(facts.platform);
  const { id, pretty, version, codename } = facts.os;
  if (!facts.apt || !['debian', 'ubuntu'].includes(id)) return otherLinux(facts.os, facts.apt);
  if (id === 'debian' && version !== '' && Number(version) < 12) return tooOld(pretty, 'Debian 12');
  if (id === 'ubuntu' && Number(version) < 22.04) return tooOld(pretty, 'Ubuntu 22.04');
  if (facts.mesa && Number.parseInt(facts.mesa, 10) >= OLDEST_MESA) return brokenMesa(facts.mesa);
  return codename === BACKPORTS_CODENAME || (id === 'debian' && version === '12')
    ? fromBackports(facts.sources)
    : { kind: 'install', what: "Mesa's lavapipe", file: null, commands: aptCommands() };
}

function fromBackports(sources: readonly AptSource[]): InstallPlan {
  const suite = `${BACKPORTS_CODENAME}-backports`;
  const present = sources.some(
    (source) => source.suites.includes(suite) && source.components.includes('main'),
  );
  return {
    kind: 'install',
    what: `Mesa's lavapipe from ${suite}`,
    file: present ? null : { path: SOURCES_FILE, text: stanza(debianMirror(sources), suite) },
    commands: aptCommands('-t', suite),
  };
}

/**
 * The entry that serves Debian itself. Other archives also call their suite after the release; Debian's mirror
 * is the one that has the release's updates too, or at least is named so.
 */
function debianMirror(sources: readonly AptSource[]): AptSource {
  const serves = (uri: string, suite: string): boolean =>
    sources.some((other) => other.uris.includes(uri) && other.suites.includes(suite));
  const candidates = sources.filter(
    (s) => s.suites.includes(BACKPORTS_CODENAME) && s.components.includes('main'),
  );
  return (
    candidates.find((source) => serves(source.uris[0], `${BACKPORTS_CODENAME}-updates`)) ??
    candidates.find((source) => /\/debian(\/|$)/.test(source.uris[0])) ??
    DEFAULT_MIRROR
  );
}

function stanza(mirror: AptSource, suite: string): string {
  const trust = Object.entries(mirror.trust).map(([name, value]) => `${name}: ${value}`);
  return `${['Types: deb', `URIs: ${mirror.uris.join(' ')}`, `Suites: ${suite}`, 'Components: main', ...trust].join('\n')}\n`;
}

function aptCommands(...release: string[]): string[][] {
  const options = ['-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];
  return [
    ['apt-get', 'update', '-q'],
    ['apt-get', 'install', ...options, ...release, ...PACKAGES],
  ];
}

/** The plan as lines to paste into a shell. */
export function shellLines(plan: InstallPlan, prefix = 'sudo '): string[] {
  const file = plan.file
    ? [`${prefix}tee ${plan.file.path} > /dev/null <<'EOF'`, ...plan.file.text.trimEnd().split('\n'), 'EOF']
    : [];
  return [...file, ...plan.commands.map((command) => prefix + command.join(' '))];
}

function manual(problem: string, hint: string): ManualPlan {
  return { kind: 'manual', problem, hint };
}

const NONE = 'no WebGPU adapter was found';

function tooOld(pretty: string, wanted: string): ManualPlan {
  return manual(
    `${NONE}, and the Mesa packages of ${pretty} are too old`,
    `Use ${wanted} or newer, or install a GPU driver with Vulkan 1.3.`,
  );
}

function brokenMesa(version: string): ManualPlan {
  return manual(
    `${NONE}, although Mesa ${version} is installed`,
    'Look at `vulkaninfo --summary` (package vulkan-tools) and at the manifests in /usr/share/vulkan/icd.d; reinstalling helps when files are missing: `apt-get install --reinstall mesa-vulkan-drivers libvulkan1`.',
  );
}

function otherLinux({ id, like, pretty }: OsRelease, apt: boolean): ManualPlan {
  const family = [id, ...like];
  const known: [string[], string][] = [
    [['fedora', 'rhel', 'centos'], 'dnf install mesa-vulkan-drivers vulkan-loader'],
    [['arch'], 'pacman -S vulkan-swrast vulkan-icd-loader'],
    [['suse', 'opensuse'], 'zypper install libvulkan_lvp libvulkan1'],
  ];
  const command = apt
    ? `apt-get install ${PACKAGES.join(' ')}`
    : known.find(([names]) => names.some((name) => family.includes(name)))?.[1];
  if (family.includes('alpine'))
    return manual(`${NONE} on ${pretty}`, 'Dawn needs glibc: use Debian, Ubuntu or Fedora.');
  return manual(
    `${NONE} on ${pretty}`,
    command
      ? `Install your GPU's Vulkan driver, or Mesa's software one (Mesa ${OLDEST_MESA} or newer): sudo ${command}`
      : `Install a Vulkan driver: your GPU's, or lavapipe of Mesa ${OLDEST_MESA} or newer.`,
  );
}

function elsewhere(platform: string): ManualPlan {
  const hints: Record<string, string> = {
    darwin: 'WebGPU runs on Metal here; a virtual machine without a Metal device cannot run it.',
    win32: "Install the GPU's current driver with Direct3D 12 support.",
  };
  return manual(`${NONE} on ${platform}`, hints[platform] ?? 'Install a Vulkan driver.');
}
