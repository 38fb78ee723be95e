/**
 * The one place where the engine waits for the GPU. While a Dawn promise is pending, Node's event loop polls at
 * full speed; on a software adapter that steals a core from the driver's own workers. So after a few quick looks
 * the main thread sleeps about a millisecond between looks. A browser's event loop needs no such help, and a sleep on
 * Windows lasts up to 16 ms, which starves a GPU of short steps.
 */
const sleeps =
  typeof SharedArrayBuffer !== 'undefined' && typeof process !== 'undefined' && process.platform !== 'win32';
const cell = sleeps ? new Int32Array(new SharedArrayBuffer(4)) : null;
const QUICK_LOOKS = 8;

export async function politely<T>(promise: Promise<T>): Promise<T> {
  if (cell === null) return promise;
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  for (let looks = 0; !settled; looks++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!settled && looks >= QUICK_LOOKS) Atomics.wait(cell, 0, 0, looks < 4 * QUICK_LOOKS ? 0.2 : 1);
  }
  return watched;
}
