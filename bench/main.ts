import { runCommand } from '../engine/command.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { catalogue } from '../kernels/catalogue.ts';
import { runBench } from './run.ts';

await runCommand((argv) =>
  runBench(argv, {
    platform: nodePlatform(),
    kernels: catalogue,
    say: (text) => console.log(text),
    note: (text) => console.error(text),
  }),
);
