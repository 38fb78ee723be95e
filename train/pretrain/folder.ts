import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { ConfigError } from '../../engine/errors.ts';
import { readJson } from '../../engine/host/json_file.ts';
import { checkpointFile, checkpointNames, markLatest } from '../run_checkpoints.ts';
import { type RunFolder, runFolder } from '../run_folder.ts';
import { readSavedConfig } from '../saved_config.ts';
import { type PretrainSettings, parseSettings } from './settings.ts';

/**
 * The settings that a folder's pre-training was started with.
 * @throws ConfigError where there is none in it, DataError where its `config.json` is damaged or something else.
 */
export function savedSettings(root: string): PretrainSettings {
  const folder = runFolder(root);
  if (!existsSync(folder.config)) {
    throw new ConfigError(`--resume: ${root} holds no pre-training (no config.json)`, 'Check --work-dir');
  }
  return readSavedConfig(folder, { what: 'pre-training', carried: false }, (file) =>
    parseSettings(readJson(file, z.unknown()), file),
  );
}

/** Makes a written checkpoint the one to continue from, and removes those before it. */
export async function keepLatest(folder: RunFolder, step: number): Promise<void> {
  await markLatest(folder, step);
  const newest = checkpointFile(folder, step);
  for (const name of checkpointNames(folder)) {
    const file = join(folder.checkpoints, name);
    if (name.startsWith('step-') && file !== newest) rmSync(file);
  }
}
