import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AptSource,
  type OsRelease,
  parseAptSources,
  parseOsRelease,
} from '../../../engine/doctor/apt.ts';
import {
  type Facts,
  type InstallPlan,
  type ManualPlan,
  planInstall,
  shellLines,
} from '../../../engine/doctor/plan.ts';

const test = suite('doctor plan');

const BOOKWORM = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
`;
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEB822 = `# the release and its updates
Types: deb deb-src
# a mirror nearby
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: ${KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: ${KEYRING}
`;
const BACKPORTS = `Enabled: yes
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
`;
const ONE_LINE = `deb http://old.example/debian bookworm main non-free-firmware # release
# deb http://off.example/debian bookworm-backports main
deb-src http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/k/a.gpg check-valid-until=no] http://old.example/debian bookworm-updates main
  deb [ trusted=yes ] file:/srv/debs ./
`;

function facts(change: Partial<Facts> & { osText?: string } = {}): Facts {
  const { osText = BOOKWORM, ...rest } = change;
  const base = {
    platform: 'linux',
    apt: true,
    sources: parseAptSources('debian.sources', DEB822),
    mesa: null,
  };
  return { ...base, os: parseOsRelease(osText), override: null, ...rest };
}

function install(change: Parameters<typeof facts>[0] = {}): InstallPlan {
  const plan = planInstall(facts(change));
  assert.is(plan.kind, 'install', JSON.stringify(plan));
  return plan as InstallPlan;
}

function manual(change: Parameters<typeof facts>[0]): ManualPlan {
  const plan = planInstall(facts(change));
  assert.is(plan.kind, 'manual', JSON.stringify(plan));
  return plan as ManualPlan;
}

function osText(id: string, version: string, codename: string, like = ''): string {
  return `ID=${id}\nVERSION_ID="${version}"\nVERSION_CODENAME=${codename}\nID_LIKE='${like}'\nPRETTY_NAME="${id} ${version}"\n`;
}

test('os-release', () => {
  const debian: OsRelease = {
    id: 'debian',
    like: [],
    version: '12',
    codename: 'bookworm',
    pretty: 'Debian GNU/Linux 12 (bookworm)',
  };
  assert.equal(parseOsRelease(BOOKWORM), debian);
  assert.equal(parseOsRelease('NAME="x"\nID_LIKE="rhel fedora"\nID="alma\\"linux"\n'), {
    id: 'alma"linux',
    like: ['rhel', 'fedora'],
    version: '',
    codename: '',
    pretty: 'alma"linux',
  });
});

test('deb822 sources', () => {
  const [release, security, ...more] = parseAptSources('/x/debian.sources', DEB822);
  assert.equal(more, []);
  assert.equal(release, {
    uris: ['http://mirror.example/debian'],
    suites: ['bookworm', 'bookworm-updates'],
    components: ['main', 'contrib'],
    trust: { 'Signed-By': KEYRING },
  });
  assert.equal(security.suites, ['bookworm-security']);
});

test('deb822: disabled and source-only entries are left out, an embedded key is kept', () => {
  const text = `Enabled: no\n${BACKPORTS.replace('Enabled: yes\n', '')}\n\nTypes: deb-src\nURIs: http://a\nSuites: b\n \ntypes: deb\nuris: http://a\n http://b\nsuites: s\nSigned-By:\n -----BEGIN\n .\n abc\n -----END\n`;
  assert.equal(parseAptSources('a.sources', text), [
    {
      uris: ['http://a', 'http://b'],
      suites: ['s'],
      components: [],
      trust: { 'Signed-By': '\n -----BEGIN\n .\n abc\n -----END' },
    },
  ]);
});

test('one-line sources', () => {
  const expected: AptSource[] = [
    {
      uris: ['http://old.example/debian'],
      suites: ['bookworm'],
      components: ['main', 'non-free-firmware'],
      trust: {},
    },
    {
      uris: ['http://old.example/debian'],
      suites: ['bookworm-updates'],
      components: ['main'],
      trust: { 'Signed-By': '/k/a.gpg', 'Check-Valid-Until': 'no' },
    },
    { uris: ['file:/srv/debs'], suites: ['./'], components: [], trust: { Trusted: 'yes' } },
  ];
  assert.equal(parseAptSources('sources.list', ONE_LINE), expected);
  assert.equal(parseAptSources('empty.list', ''), []);
});

test('Debian 12 installs from backports of its own mirror', () => {
  const plan = install();
  assert.equal(plan.file, {
    path: '/etc/apt/sources.list.d/cascade-clip-backports.sources',
    text: `Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: ${KEYRING}\n`,
  });
  assert.equal(plan.commands[0], ['apt-get', 'update', '-q']);
  const last = plan.commands[1].join(' ');
  assert.match(
    last,
    /^apt-get install -y .*--no-install-recommends.* -t bookworm-backports mesa-vulkan-drivers libvulkan1$/,
  );
});

test('Debian 12 upgrades the Mesa 22 that Dawn refuses', () => {
  assert.equal(install({ mesa: '22.3.6-1+deb12u2' }), install());
});

test('a backports entry that is there is used as it is', () => {
  const sources = parseAptSources('a.sources', `${DEB822}\n${BACKPORTS}`);
  assert.is(install({ sources }).file, null);
  assert.match(install({ sources }).commands[1].join(' '), /-t bookworm-backports/);
  // switched off or without `main` it does not count
  const off = parseAptSources('a.sources', `${DEB822}\n${BACKPORTS.replace('yes', 'no')}`);
  assert.ok(install({ sources: off }).file);
  const contrib = parseAptSources('a.sources', `${DEB822}\n${BACKPORTS.replace('main', 'contrib')}`);
  assert.ok(install({ sources: contrib }).file);
});

test("the mirror is Debian's, not another archive with a suite of the same name", () => {
  const php = 'deb [signed-by=/k/php.gpg] https://packages.example/php/ bookworm main\n';
  const docker = 'deb https://download.example/linux/debian bookworm stable\n';
  const sources = parseAptSources('sources.list', php + docker + ONE_LINE);
  assert.match(install({ sources }).file?.text ?? '', /URIs: http:\/\/old\.example\/debian\n/);
  const only = parseAptSources(
    'sources.list',
    `${php}deb [check-valid-until=no] http://snap.example/debian/2025/ bookworm main`,
  );
  const text = install({ sources: only }).file?.text ?? '';
  assert.match(text, /URIs: http:\/\/snap\.example\/debian\/2025\/\n/);
  assert.match(text, /Check-Valid-Until: no\n$/);
  assert.not.match(text, /Signed-By/);
  const none = install({ sources: parseAptSources('sources.list', php) }).file?.text ?? '';
  assert.match(none, /URIs: http:\/\/deb\.debian\.org\/debian\n/);
  assert.match(none, new RegExp(`Signed-By: ${KEYRING}`));
});

test('newer releases install the plain package', () => {
  for (const text of [
    osText('debian', '13', 'trixie'),
    'ID=debian\nVERSION_CODENAME=forky\n',
    osText('ubuntu', '24.04', 'noble', 'debian'),
    osText('ubuntu', '22.04', 'jammy', 'debian'),
  ]) {
    const plan = install({ osText: text });
    assert.is(plan.file, null, text);
    assert.match(plan.commands[1].join(' '), /DPkg::Lock::Timeout=300 mesa-vulkan-drivers libvulkan1$/);
  }
});

test('releases with too old a Mesa say what to use', () => {
  assert.match(manual({ osText: osText('debian', '11', 'bullseye') }).hint, /Debian 12 or newer/);
  assert.match(
    manual({ osText: osText('ubuntu', '20.04', 'focal', 'debian') }).hint,
    /Ubuntu 22\.04 or newer/,
  );
});

test('other systems are told what to install, and nothing is run', () => {
  const hint = (id: string, like = '', apt = false): string =>
    manual({ osText: osText(id, '40', '', like), apt }).hint;
  assert.match(hint('fedora'), /sudo dnf install mesa-vulkan-drivers vulkan-loader/);
  assert.match(hint('almalinux', 'rhel centos fedora'), /dnf install/);
  assert.match(hint('arch'), /sudo pacman -S vulkan-swrast/);
  assert.match(hint('opensuse-leap', 'suse opensuse'), /zypper install libvulkan_lvp/);
  assert.match(hint('alpine'), /glibc/);
  assert.match(
    hint('linuxmint', 'ubuntu debian', true),
    /sudo apt-get install mesa-vulkan-drivers libvulkan1/,
  );
  assert.match(hint('gentoo'), /Install a Vulkan driver/);
  assert.match(manual({ platform: 'darwin', os: null }).hint, /Metal/);
  assert.match(manual({ platform: 'win32', os: null }).hint, /Direct3D 12/);
  assert.match(manual({ platform: 'freebsd', os: null }).problem, /on freebsd/);
});

test('an installed Mesa or a variable in the way is named, not installed over', () => {
  const broken = manual({ mesa: '25.0.7-2~bpo12+1' });
  assert.match(broken.problem, /although Mesa 25\.0\.7-2~bpo12\+1 is installed/);
  assert.match(broken.hint, /apt-get install --reinstall/);
  const hidden = manual({ override: 'VK_DRIVER_FILES=/nonexistent' });
  assert.match(hidden.problem, /VK_DRIVER_FILES=\/nonexistent hides/);
  assert.match(hidden.hint, /Unset the variable/);
});

test('the command to paste', () => {
  const lines = shellLines(install());
  assert.is(lines[0], "sudo tee /etc/apt/sources.list.d/cascade-clip-backports.sources > /dev/null <<'EOF'");
  assert.is(lines[6], 'EOF');
  assert.is(lines[7], 'sudo apt-get update -q');
  assert.match(lines[8], /^sudo apt-get install .* libvulkan1$/);
  assert.is(lines.length, 9);
  assert.equal(shellLines(install({ osText: osText('debian', '13', 'trixie') }), '')[0], 'apt-get update -q');
});

test.run();
