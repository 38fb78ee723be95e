import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { watchInterrupt } from '../../train/io/interrupt.ts';

const test = suite('interrupt');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} asks the run to save and stop, until it is no longer watched`, () => {
    const lines: string[] = [];
    const before = process.listenerCount(signal);
    const interrupt = watchInterrupt((line) => lines.push(line));
    assert.not.ok(interrupt.asked());
    process.emit(signal, signal);
    assert.ok(interrupt.asked());
    assert.match(lines.join('\n'), `Interrupted (${signal}): finishing this step and saving`);
    interrupt.close();
    assert.is(process.listenerCount(signal), before);
  });
}

test.run();
