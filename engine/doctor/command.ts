import { UserError } from '../errors.ts';

/**
 * Runs a command's main function and sets the exit code it returns. A mistake the user can mend is printed as a
 * message and what to do, without a stack trace; anything else is a bug and keeps its trace.
 */
export async function runCommand(main: () => Promise<number | undefined>): Promise<void> {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (error instanceof UserError) {
      console.error(`${error.name}: ${error.message}${error.hint ? `\n${error.hint}` : ''}`);
      process.exitCode = error.exitCode;
    } else {
      console.error(error);
      process.exitCode = 1;
    }
  }
}
