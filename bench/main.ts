import { cpus, loadavg } from 'node:os';
import { runCommand } from '../engine/command.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { catalogue } from '../kernels/catalogue.ts';
import { runPeers } from './peers_run.ts';
import { runBench } from './run.ts';

const surroundings = {
  platform: nodePlatform(),
  say: (text: string) => console.log(text),
  note: (text: string) => console.error(text),
};

await runCommand((argv) => {
  if (!argv.includes('--peers')) return runBench(argv, { ...surroundings, kernels: catalogue });
  const machine = () => ({
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: cpus().length,
    load: loadavg()[0],
  });
  return runPeers(argv, { ...surroundings, machine });
});
