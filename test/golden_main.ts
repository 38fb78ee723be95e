import { Command, Option } from 'commander';
import { createEngine } from '../engine/create.ts';
import { ensureAdapter } from '../engine/doctor/ensure.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { parseArguments, runCommand } from '../engine/host/command.ts';
import { checkFixtures, fixturesIn } from './golden_check/run.ts';

interface Options {
  dir: string;
  adapter?: string;
  precision: 'f32' | 'f16';
}

const command = new Command('npm run test:golden --')
  .description('Checks kernels, model, training step and evaluation against golden fixtures.')
  .option('--dir <folder>', 'folder with NAME.safetensors + NAME.json pairs', 'test/golden')
  .option('--adapter <name>', 'part of the name of the GPU adapter')
  .addOption(
    new Option('--precision <type>', 'how the model stores activations and frozen weights')
      .choices(['f32', 'f16'])
      .default('f32'),
  );

/** `npm run test:golden -- --dir DIR`: every fixture in a folder, a table, and a last line with the counts. */
await runCommand(async (argv) => {
  const { dir, adapter, precision } = parseArguments(command, argv).opts<Options>();
  await ensureAdapter({ adapter });
  const stems = fixturesIn(dir);
  const engine = await createEngine(nodePlatform(), { adapter, precision });
  try {
    const failed = await checkFixtures(engine, stems, (line) => console.log(line));
    console.log(`${stems.length - failed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    await engine.close();
  }
});
