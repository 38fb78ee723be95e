import { chooseData, type DataOptions } from './choose_data.ts';
import type { RunConfig } from './config.ts';
import { embeddedPreset, fullPreset, type PresetOptions } from './presets.ts';
import { type Override, overriddenValue } from './set.ts';

/**
 * The preset of a data set on the data that are there, before the overrides: the published setting, or the embedded
 * default.
 * @param usual the data, as far as the overrides do not name others.
 * @param exists whether there is a file or folder of that name.
 * @returns the preset, and the line that the user must not miss; null where the run is what it looks like.
 * @throws ConfigError where data or CLIP's weights are missing.
 */
export function choosePreset(
  usual: DataOptions,
  overrides: Override[],
  exists: (path: string) => boolean,
): { preset: RunConfig; banner: string | null } {
  const { embedded, root, clip, banner } = chooseData({ ...usual, ...givenData(overrides) }, exists);
  const options = presetOptions(overrides);
  const preset = embedded ? embeddedPreset(options) : fullPreset(usual.dataset, options);
  return { preset: { ...preset, data: { ...preset.data, root, clip } }, banner };
}

/** What the overrides say about the preset they are applied to. */
export function presetOptions(overrides: Override[]): PresetOptions {
  const given = <Key extends keyof PresetOptions>(path: string): PresetOptions[Key] =>
    overriddenValue(overrides, path) as PresetOptions[Key];
  return {
    mode: given<'mode'>('train.mode'),
    maxIters: given<'maxIters'>('schedule.maxIters'),
    batch: given<'batch'>('train.batch'),
    sceneSize: given<'sceneSize'>('data.crop'),
  };
}

/** What the overrides say about the data. */
function givenData(overrides: Override[]): Omit<DataOptions, 'dataset'> {
  const given: Record<string, unknown> = {};
  for (const key of ['root', 'clip', 'embedded', 'crop']) {
    const value = overriddenValue(overrides, `data.${key}`);
    if (value !== undefined) given[key] = value;
  }
  return given;
}
