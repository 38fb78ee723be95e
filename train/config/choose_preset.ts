import type { DataOptions } from './choose_data.ts';
import type { PresetOptions } from './presets.ts';
import { type Override, overriddenValue } from './set.ts';

/** What the overrides say about the data. */
export function givenData(overrides: Override[]): Omit<DataOptions, 'dataset'> {
  const given: Record<string, unknown> = {};
  for (const key of ['root', 'clip', 'embedded', 'crop']) {
    const value = overriddenValue(overrides, `data.${key}`);
    if (value !== undefined) given[key] = value;
  }
  return given;
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
