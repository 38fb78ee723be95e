import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AdapterError, DataError } from '../../engine/errors.ts';
import { HelpRequest, runCommand } from '../../engine/host/command.ts';

const test = suite('how a command ends');

/** What a command that does `main` prints and ends with. */
async function ending(main: () => Promise<number | undefined>) {
  const result = { output: '', errors: '', code: -1 };
  await runCommand(main, {
    argv: [],
    write: (text) => {
      result.output += text;
    },
    writeError: (text) => {
      result.errors += text;
    },
    exit: (code) => {
      result.code = code;
    },
  });
  return result;
}

test('a command ends with the code that main returns', async () => {
  assert.equal(await ending(async () => undefined), { output: '', errors: '', code: 0 });
  assert.is((await ending(async () => 130)).code, 130);
});

test("a user's mistake is told without a stack", async () => {
  const { errors, code } = await ending(async () => {
    throw new DataError('a.png', 'is cut short', 'Copy it again\nor leave it out');
  });
  assert.is(errors, 'error: a.png: is cut short\n  Copy it again\n  or leave it out\n');
  assert.is(code, 1);
  const plain = await ending(async () => {
    throw new AdapterError('no adapter');
  });
  assert.is(plain.errors, 'error: no adapter\n');
});

test('a fault of the program shows its stack and cause and ends with 70', async () => {
  const { errors, code } = await ending(async () => {
    throw new TypeError('broken', { cause: new Error('deeper') });
  });
  assert.match(errors, 'TypeError: broken');
  assert.match(errors, 'command.test.ts');
  assert.match(errors, 'caused by Error: deeper');
  assert.is(code, 70);
});

test('help goes to the output and ends with 0', async () => {
  const { output, errors, code } = await ending(async () => {
    throw new HelpRequest('usage');
  });
  assert.equal([output, errors, code], ['usage', '', 0]);
});

test.run();
