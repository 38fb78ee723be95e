import { AdapterError } from '../errors.ts';
import { forgetInstances, isLavapipe, nameHint, nodePlatform, wantedAdapter } from '../gpu/node.ts';
import type { Platform } from '../gpu/platform.ts';
import { hiddenGpus, type Machine, thisMachine } from './machine.ts';
import { planInstall, shellLines } from './plan.ts';

export interface EnsureOptions {
  /** Part of the adapter's name; by default `CASCADE_ADAPTER`, else any adapter will do. */
  adapter?: string;
  /** Whether to install Mesa's lavapipe when there is no adapter at all and we are root; true by default. */
  install?: boolean;
  platform?: Platform;
  machine?: Machine;
  /** Receives the line that says what is installed; standard error by default. */
  say?: (line: string) => void;
}

/**
 * Makes sure that there is a WebGPU adapter before a command starts its work. On a Debian or Ubuntu machine
 * without any, as root, it installs Mesa's software adapter and says so; the command then goes on, in a new
 * process if this one cannot see the driver.
 * @throws AdapterError when there is none and nothing could be installed, with the exact command to run.
 */
export async function ensureAdapter(options: EnsureOptions = {}): Promise<void> {
  const { install = true, platform = nodePlatform(), machine = thisMachine, say = console.error } = options;
  const adapter = wantedAdapter(options.adapter);
  if (await platform.requestAdapter({ adapter })) return;
  if (adapter !== undefined && !isLavapipe(adapter)) {
    throw new AdapterError(
      `no adapter matches '${adapter}': this machine has none at all`,
      nameHint(adapter),
    );
  }

  const plan = planInstall(await machine.facts());
  if (plan.kind === 'manual') throw new AdapterError(plan.problem, plan.hint);
  if (!install || !machine.root) {
    const lines = shellLines(plan, machine.root ? '' : 'sudo ');
    throw new AdapterError('no WebGPU adapter was found', `Install ${plan.what}:\n\n${lines.join('\n')}\n`);
  }

  if (!machine.restarted) {
    for (const note of hiddenGpus()) say(note);
    say(`No WebGPU adapter was found: installing ${plan.what} (${plan.commands.at(-1)?.join(' ')}) ...`);
    const start = performance.now();
    await machine.execute(plan);
    say(`Installed in ${((performance.now() - start) / 1000).toFixed(0)} s.`);
    forgetInstances();
    if (await platform.requestAdapter({ adapter })) return;
    machine.restart();
  }
  throw new AdapterError(
    `${plan.what} was installed, yet Dawn finds no adapter`,
    'Run `npm run doctor` and `vulkaninfo --summary` (package vulkan-tools) to see what the Vulkan loader finds.',
  );
}
