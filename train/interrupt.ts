/** Exit code of a process that SIGINT ended: 128 + 2. */
export const INTERRUPTED = 130;

/** Watches for Ctrl-C: the first asks the run to save and stop, the second ends the process at once. */
export function watchInterrupt(say: (line: string) => void): { asked(): boolean; close(): void } {
  let asked = false;
  const onSignal = (): void => {
    if (asked) process.exit(INTERRUPTED);
    asked = true;
    say('Interrupted: finishing this step and saving; press Ctrl-C again to stop at once.');
  };
  process.on('SIGINT', onSignal);
  return {
    asked: () => asked,
    close: () => {
      process.off('SIGINT', onSignal);
    },
  };
}
