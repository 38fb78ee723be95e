import { DeviceLostError, OutOfMemoryError } from '../../engine/errors.ts';
import { runCommand } from '../../engine/host/command.ts';

/** The settings that a model needs less memory with. */
const LESS_MEMORY =
  'Less memory takes a smaller batch (train.batch) or crop (data.crop, eval.crop), fewer classes at a time, ' +
  '--precision f16, and in training --set engine.checkpointing=true.';

/** {@link runCommand} for what computes with a model: where a GPU has too little memory, it names the settings. */
export function runModelCommand(main: (argv: string[]) => Promise<number>): Promise<void> {
  return runCommand(async (argv) => {
    try {
      return await main(argv);
    } catch (error) {
      throw withSettings(error);
    }
  });
}

/** The error, with what to set where it is about memory. */
export function withSettings(error: unknown): unknown {
  if (error instanceof OutOfMemoryError) return new OutOfMemoryError(error.message, LESS_MEMORY);
  if (!(error instanceof DeviceLostError)) return error;
  const resume = 'A training goes on from its last checkpoint with --resume.';
  return new DeviceLostError(error.message, `${error.hint} ${resume} ${LESS_MEMORY}`);
}
