import { listFields, valueAt } from '../config/fields.ts';
import { defaultSettings, type PretrainSettings, pretrainSchema } from './settings.ts';

/** How a pre-training is started, before its flags. */
export const scriptName = 'npm run pretrain:clip --';

/** Settings that may change on `--resume`: all others would change the training itself. */
export const freeOnResume =
  /^(adapter|data\.(workers|prefetch)|train\.(stopAt|logInterval|evalInterval|checkpointInterval|evalScenes))$/;

/** The command that starts the same pre-training. */
export function commandOf(settings: PretrainSettings): string {
  const changed = listFields(pretrainSchema).flatMap(({ path }) => {
    const [value, usual] = [settings, defaultSettings].map((of) =>
      JSON.stringify(valueAt(of, path.split('.'))),
    );
    return value === usual || freeOnResume.test(path) ? [] : [`--set '${path}=${value}'`];
  });
  return [scriptName, ...changed].join(' ');
}
