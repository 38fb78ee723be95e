import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseOsRelease } from '../../../engine/doctor/apt.ts';
import { type EnsureOptions, ensureAdapter } from '../../../engine/doctor/ensure.ts';
import type { Machine } from '../../../engine/doctor/machine.ts';
import type { Facts } from '../../../engine/doctor/plan.ts';
import { AdapterError } from '../../../engine/errors.ts';
import { nodePlatform } from '../../../engine/gpu/node.ts';
import type { Platform } from '../../../engine/gpu/platform.ts';

const test = suite('doctor ensure');

const FACTS: Facts = {
  platform: 'linux',
  os: parseOsRelease('ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n'),
  apt: true,
  sources: [],
  mesa: null,
  override: null,
};

interface Scene {
  /** Whether each request finds an adapter, in order. */
  finds: boolean[];
  root?: boolean;
  restarted?: boolean;
  facts?: Partial<Facts>;
  failure?: AdapterError;
}

/** Runs `ensureAdapter` on an invented machine and tells what happened there, in order. */
async function play(
  scene: Scene,
  options: EnsureOptions = {},
): Promise<{ log: string[]; error: AdapterError | null }> {
  const log: string[] = [];
  const finds = [...scene.finds];
  const platform: Platform = {
    ...nodePlatform(),
    async requestAdapter() {
      log.push('look');
      return finds.shift() ? ({} as GPUAdapter) : null;
    },
  };
  const machine: Machine = {
    root: scene.root ?? true,
    restarted: scene.restarted ?? false,
    facts: async () => ({ ...FACTS, ...scene.facts }),
    async execute(plan) {
      log.push(`execute ${plan.commands.length}`);
      if (scene.failure) throw scene.failure;
    },
    restart() {
      log.push('restart');
      throw new Error('the process ends here');
    },
  };
  let error: AdapterError | null = null;
  try {
    await ensureAdapter({ ...options, platform, machine, say: (line) => log.push(line) });
  } catch (thrown) {
    if (thrown instanceof AdapterError) error = thrown;
    else if (!log.includes('restart')) throw thrown;
  }
  return { log, error };
}

test('an adapter that is there costs one look', async () => {
  assert.equal(await play({ finds: [true] }), { log: ['look'], error: null });
});

test('as root it installs, says so, and goes on', async () => {
  const { log, error } = await play({ finds: [false, true] });
  assert.is(error, null);
  assert.is(log.length, 5);
  assert.match(
    log[1],
    /^No WebGPU adapter was found: installing Mesa's lavapipe \(apt-get install .* libvulkan1\) \.\.\.$/,
  );
  assert.is(log[2], 'execute 2');
  assert.match(log[3], /^Installed in \d+ s\.$/);
  assert.is(log[4], 'look');
});

test('a process that cannot see the new driver starts again, once', async () => {
  const first = await play({ finds: [false, false] });
  assert.is(first.log.at(-1), 'restart');
  const second = await play({ finds: [false], restarted: true });
  assert.not.ok(second.log.includes('restart'));
  assert.not.ok(second.log.includes('execute 2'));
  assert.match(second.error?.message ?? '', /was installed, yet Dawn finds no adapter/);
});

test('without root it prints the command and stops', async () => {
  const { log, error } = await play({ finds: [false], root: false });
  assert.equal(log, ['look']);
  assert.is(error?.message, 'no WebGPU adapter was found');
  assert.match(error?.hint ?? '', /\nsudo apt-get install -y .* mesa-vulkan-drivers libvulkan1\n$/);
});

test('with install: false it prints the command, as root without sudo', async () => {
  const { log, error } = await play({ finds: [false] }, { install: false });
  assert.equal(log, ['look']);
  assert.match(error?.hint ?? '', /\napt-get install/);
  assert.not.match(error?.hint ?? '', /sudo/);
});

test('what cannot be installed stops with its reason', async () => {
  const { log, error } = await play({ finds: [false], facts: { platform: 'win32', os: null } });
  assert.equal(log, ['look']);
  assert.match(error?.hint ?? '', /Direct3D 12/);
});

test('a failed installation stops with its own error', async () => {
  const failure = new AdapterError('apt-get install failed: no network', 'Run it by hand.');
  const { error } = await play({ finds: [false], failure });
  assert.is(error, failure);
});

test('lavapipe is not installed for someone who wants another adapter', async () => {
  const { log, error } = await play({ finds: [false] }, { adapter: 'nvidia' });
  assert.equal(log, ['look']);
  assert.match(error?.message ?? '', /no adapter matches 'nvidia': this machine has none at all/);
  const swiftshader = await play({ finds: [false] }, { adapter: 'SwiftShader' });
  assert.match(swiftshader.error?.hint ?? '', /chromium-common libvulkan1/);
  const lavapipe = await play({ finds: [false, true] }, { adapter: 'LavaPipe' });
  assert.is(lavapipe.error, null);
});

test.run();
