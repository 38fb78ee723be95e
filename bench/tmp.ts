import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { runCommand } from '../engine/command.ts';
import { nodePlatform } from '../engine/gpu/node.ts';
import { layernormForward } from '../kernels/layernorm/layernorm.ts';
import { runBench } from './run.ts';

const [mode, ...argv] = process.argv.slice(2);
const dir = mkdtempSync('/tmp/benchx-');
const text = readFileSync(layernormForward.variants[1].source, 'utf8');
const [from, to] = {
  break: ['let mean = ', 'let mean = foo + '],
  warn: ['sum / ', 'sum * '],
  wrong: ['* gamma[c] + beta[c]', '* gamma[c]'],
  uniform: ['if (local.x == 0) {', 'if (local.x == 0) { workgroupBarrier();'],
  loop: ['c < cols; c += WG) { sum', 'c < cols; c += 0) { sum'],
  dims: ['cols: u32, eps', 'columns: u32, eps'],
  right: ['x', 'x'],
}[mode]!;
writeFileSync(`${dir}/forward.wgsl`, text.replace(from, to));
const variants = [{ ...layernormForward.variants[1], source: new URL(`file://${dir}/forward.wgsl`) }];
await runCommand(() =>
  runBench(argv, {
    platform: nodePlatform({ cache: new URL('file:///tmp/benchcache/') }),
    kernels: [{ ...layernormForward, variants }],
    say: console.log,
    note: console.error,
  }),
);
