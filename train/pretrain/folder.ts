import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { ConfigError } from '../../engine/errors.ts';
import { readJson, writeJson } from '../../engine/json_file.ts';
import { attempt, checkpointFile, markLatest, type RunFolder, runFolder } from '../run_folder.ts';
import { type PretrainSettings, parseSettings } from './settings.ts';

/**
 * Makes the folder of a new pre-training and saves its settings.
 * @throws ConfigError where the folder holds anything already, DataError where it cannot be made.
 */
export async function createPretrainFolder(root: string, settings: PretrainSettings): Promise<RunFolder> {
  const holds = existsSync(root) ? attempt(root, () => readdirSync(root)) : [];
  if (holds.length > 0) {
    throw new ConfigError(
      `--work-dir ${root}: holds files already (${holds.slice(0, 3).join(', ')})`,
      'Continue a pre-training with --resume, or choose an empty or a new folder',
    );
  }
  return writeSettings(root, settings);
}

/** Opens the folder of a pre-training to continue it, and saves the settings it continues with. */
export function openPretrainFolder(root: string, settings: PretrainSettings): Promise<RunFolder> {
  return writeSettings(root, settings);
}

/**
 * The settings that a folder's pre-training was started with.
 * @throws ConfigError where there is none in it, DataError where its `config.json` is damaged.
 */
export function savedSettings(root: string): PretrainSettings {
  const file = runFolder(root).config;
  if (!existsSync(file)) {
    throw new ConfigError(`--resume: ${root} holds no pre-training (no config.json)`, 'Check --work-dir');
  }
  return parseSettings(readJson(file, z.unknown()), file);
}

/** Makes a written checkpoint the one to continue from, and removes those before it. */
export async function keepLatest(folder: RunFolder, step: number): Promise<void> {
  await markLatest(folder, step);
  const newest = checkpointFile(folder, step);
  for (const name of readdirSync(folder.checkpoints)) {
    const file = join(folder.checkpoints, name);
    if (/^step-\d+\.safetensors$/.test(name) && file !== newest) rmSync(file);
  }
}

async function writeSettings(root: string, settings: PretrainSettings): Promise<RunFolder> {
  const folder = runFolder(root);
  attempt(root, () => mkdirSync(folder.checkpoints, { recursive: true }));
  await writeJson(folder.config, settings);
  return folder;
}
