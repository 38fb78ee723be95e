/** Something that the host did or waited for; times by `performance.now()`. */
export interface Span {
  name: string;
  start: number;
  end: number;
}

/** What the host does when, while it records; otherwise nothing is kept. */
export class Timeline {
  recording = false;
  readonly spans: Span[] = [];

  /** Runs `body`, which may be asynchronous, as a span. */
  run<T>(name: string, body: () => T): T {
    if (!this.recording) return body();
    const start = performance.now();
    const end = (): void => {
      this.spans.push({ name, start, end: performance.now() });
    };
    let pending = false;
    try {
      const result = body();
      pending = result instanceof Promise;
      return pending ? ((result as Promise<unknown>).finally(end) as T) : result;
    } finally {
      if (!pending) end();
    }
  }

  /** Milliseconds of the spans of these names that began from `from` on and before `to`. */
  total(names: readonly string[], from = -Infinity, to = Infinity): number {
    return this.spans
      .filter(({ name, start }) => names.includes(name) && start >= from && start < to)
      .reduce((sum, { start, end }) => sum + end - start, 0);
  }
}
