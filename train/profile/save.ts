import type { Peak } from '../../engine/gpu/peak.ts';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import { writeJson } from '../../engine/host/json_file.ts';
import type { Progress } from '../io/progress.ts';
import type { RunFolder } from '../run_folder.ts';
import type { Recording } from './session.ts';
import { summarise } from './summary.ts';
import { profileSummary, profileText } from './text.ts';
import { traceOf } from './trace.ts';

/** Writes table and trace into the run's folder, and tells the table. */
export async function saveProfile(
  recording: Recording,
  peak: Peak,
  adapter: string,
  { profile: files }: RunFolder,
  progress: Progress,
): Promise<void> {
  const profile = summarise(recording, peak, adapter);
  await writeFileAtomic(files.text, profileText(profile));
  await writeJson(files.json, profile);
  await writeFileAtomic(files.trace, `${JSON.stringify(traceOf(recording, adapter))}\n`);
  progress.note(
    `\n${profileSummary(profile)}\n\nprofile in ${files.text}, trace for ui.perfetto.dev in ${files.trace}\n`,
  );
}
