import { cpus, loadavg } from 'node:os';
import { nodePlatform } from '../engine/gpu/node.ts';
import { runCommand } from '../engine/host/command.ts';
import { catalogue } from '../kernels/catalogue.ts';
import { runBench } from './kernels/run.ts';

const surroundings = {
  platform: nodePlatform(),
  say: (text: string) => console.log(text),
  note: (text: string) => console.error(text),
  machine: () => ({
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: cpus().length,
    load: loadavg()[0],
    peakRss: process.resourceUsage().maxRSS * 1024,
  }),
};

await runCommand(async (argv) => {
  if (argv.includes('--peers')) return (await import('./peers/run.ts')).runPeers(argv, surroundings);
  if (argv.includes('--step')) return (await import('./model/step.ts')).runStep(argv, surroundings);
  if (argv.includes('--scaling')) return (await import('./model/scaling.ts')).runScaling(argv, surroundings);
  return runBench(argv, { ...surroundings, kernels: catalogue });
});
