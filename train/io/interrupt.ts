/** Exit code of a run that was interrupted: that of a process that SIGINT ended, 128 + 2. */
export const INTERRUPTED = 130;

/** What Ctrl-C sends, and what schedulers send before they end a job. */
const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Watches for Ctrl-C and SIGTERM: the first asks to finish what is begun and stop, the second ends the process at once.
 * @param begun what is finished, for the message.
 */
export function watchInterrupt(
  say: (line: string) => void,
  begun = 'this step and saving',
): { asked(): boolean; close(): void } {
  let asked = false;
  const onSignal = (signal: string): void => {
    if (asked) process.exit(INTERRUPTED);
    asked = true;
    say(`Interrupted (${signal}): finishing ${begun}; a second Ctrl-C or SIGTERM stops at once.`);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    asked: () => asked,
    close: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
