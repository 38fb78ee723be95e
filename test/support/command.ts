import { spawn } from 'node:child_process';

/** Settings as the flags of a command. */
export const settingFlags = (settings: readonly string[]): string[] =>
  settings.flatMap((setting) => ['--set', setting]);

/** A model that trains in seconds. */
export const tinyModel = [
  'data.workers=0',
  'model.vision.width=32',
  'model.vision.heads=2',
  'model.vision.embedDim=16',
  'model.decoder.layers=2',
  'model.decoder.heads=2',
  'model.prompts.count=2',
];
/** Settings of short steps of it. */
export const tinySteps = ['train.batch=2', 'train.accumulation=1'];

/** How a command ended, and all that it printed. */
export interface Ended {
  code: number | null;
  output: string;
}

/**
 * Runs a command as a user does, in a process of its own.
 * @param interruptAt sends the process SIGINT once its output matches.
 */
export function runScript(script: string, args: readonly string[], interruptAt?: RegExp): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args]);
    let waiting = interruptAt;
    let output = '';
    const take = (chunk: Buffer): void => {
      output += chunk;
      if (waiting?.test(output)) {
        waiting = undefined;
        child.kill('SIGINT');
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('close', (code) => resolve({ code, output }));
  });
}
