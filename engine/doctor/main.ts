import { Command } from 'commander';
import { parseArguments, runCommand } from '../host/command.ts';
import { diagnose } from './diagnose.ts';
import { formatReport } from './table.ts';

interface Options {
  adapter?: string;
  json?: boolean;
  install: boolean;
}

const command = new Command('npm run doctor --')
  .description(
    'Looks at Node, the machine and the WebGPU adapter, and says what to install when something is missing.',
  )
  .option(
    '--adapter <name>',
    'part of an adapter name, such as lavapipe or swiftshader (also CASCADE_ADAPTER)',
  )
  .option('--json', 'print the report as JSON')
  .option('--no-install', 'only look: do not install an adapter where there is none');

await runCommand(async (argv) => {
  const { json, ...options } = parseArguments(command, argv).opts<Options>();
  const report = await diagnose(options);
  console.log(json ? JSON.stringify(report, null, 2) : formatReport(report));
  return report.ok ? 0 : 1;
});
