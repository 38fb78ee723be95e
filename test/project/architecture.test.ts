import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  FOLDERS,
  importCircles,
  readSources,
  type Source,
  toSource,
  withoutComments,
} from './source_tree.ts';

const MAX_LINES = 300;
/** Parts of the engine that know nothing of GPUs and may be used everywhere in it. */
const LEAVES = ['engine/host/', 'engine/errors.ts', 'engine/half.ts'];
/** What each part may import besides itself; the longest matching prefix is a file's part. */
const MAY_IMPORT: Record<string, string[]> = {
  'kernels/': [],
  'engine/host/': ['engine/errors.ts'],
  'engine/gpu/': ['kernels/', ...LEAVES],
  'engine/doctor/': ['engine/gpu/', ...LEAVES],
  'engine/': ['kernels/'],
  'model/': ['engine/'],
  'train/': ['engine/', 'model/'],
  'bench/': ['kernels/', 'engine/gpu/', 'engine/doctor/', ...LEAVES],
  // benches of whole models and of their training
  'bench/model/': ['bench/', 'kernels/', 'engine/', 'model/', 'train/'],
  'test/': FOLDERS.map((folder) => `${folder}/`),
};

const test = suite('architecture');
const sources = await readSources(new URL('../../', import.meta.url));
const isTest = ({ path }: Source): boolean => path.startsWith('test/');
const isMain = ({ path }: Source): boolean => /(^|\/|_)main\.ts$/.test(path);
const knowsThePlatform = ({ path }: Source): boolean => /^engine\/(gpu|doctor|host)\//.test(path);

function partOf(path: string): string {
  const parts = Object.keys(MAY_IMPORT).filter((part) => path.startsWith(part));
  return parts.sort((a, b) => b.length - a.length)[0];
}

function wrongImports(files: readonly Source[]): string[] {
  return files.flatMap(({ path, imports }) => {
    const part = partOf(path);
    const allowed = [part, ...MAY_IMPORT[part]];
    const ours = imports.filter((name) => FOLDERS.some((folder) => name.startsWith(`${folder}/`)));
    return ours
      .filter((name) => !allowed.some((prefix) => name.startsWith(prefix)))
      .map((name) => `${path} -> ${name}`);
  });
}

/** Imports of the commands by what they call, which declares what it takes and is not to know who asks. */
function importsOfCommands(files: readonly Source[]): string[] {
  const commands = 'train/commands/';
  return files
    .filter((file) => !file.path.startsWith(commands) && !isTest(file))
    .flatMap(({ path, imports }) =>
      imports.filter((name) => name.startsWith(commands)).map((name) => `${path} -> ${name}`),
    );
}

/** `path:line` of every match in the text of the files. */
function places(files: readonly Source[], pattern: RegExp, read = ({ text }: Source) => text): string[] {
  return files.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${file.path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

test('the source tree is read', () => {
  for (const part of [
    'kernels/kernel.ts',
    'engine/gpu/node.ts',
    'engine/doctor/plan.ts',
    'test/project/architecture.test.ts',
  ]) {
    assert.ok(
      sources.some(({ path }) => path === part),
      part,
    );
  }
  assert.ok(sources.some(({ path }) => path.endsWith('.wgsl')));
});

test('imports run one way', () => {
  assert.equal(wrongImports(sources), []);
});

test('the rule sees a wrong import', () => {
  const files = [
    toSource('kernels/a/a.ts', "import { x } from '../../engine/errors.ts';"),
    toSource(
      'engine/gpu/b.ts',
      "import type {\n  T,\n} from '../tensor.ts';\nimport { E } from '../errors.ts';",
    ),
    toSource(
      'model/c.ts',
      `export { y } from '../train/commands/train_main.ts';\nconst k = await ${'import'}('../kernels/catalogue.ts');`,
    ),
    toSource(
      'train/d.ts',
      "import '../bench/main.ts'; // import '../model/c.ts'\nimport z from '../model/c.ts';",
    ),
  ];
  assert.equal(wrongImports(files), [
    'kernels/a/a.ts -> engine/errors.ts',
    'engine/gpu/b.ts -> engine/tensor.ts',
    'model/c.ts -> train/commands/train_main.ts',
    'model/c.ts -> kernels/catalogue.ts',
    'train/d.ts -> bench/main.ts',
  ]);
});

test('commands know what they call, and nothing knows the commands', () => {
  assert.equal(importsOfCommands(sources), []);
});

test('the rule sees an import of a command', () => {
  const files = [
    toSource('train/predict/a.ts', "import type { B } from '../commands/b.ts';"),
    toSource('bench/model/c.ts', "import { b } from '../../train/commands/b.ts';"),
    toSource('train/commands/b_main.ts', "import { b } from './b.ts';"),
    toSource('test/train/commands/b.test.ts', "import { b } from '../../../train/commands/b.ts';"),
  ];
  assert.equal(importsOfCommands(files), [
    'train/predict/a.ts -> train/commands/b.ts',
    'bench/model/c.ts -> train/commands/b.ts',
  ]);
});

test('kernels import no package and no module of Node', () => {
  const found = sources.filter(({ path }) => path.startsWith('kernels/'));
  const outside = found.flatMap(({ path, imports }) =>
    imports.filter((name) => !name.startsWith('kernels/')).map((name) => `${path} -> ${name}`),
  );
  assert.equal(outside, []);
});

test('no file imports itself in a circle', () => {
  assert.equal(importCircles(sources), []);
});

test('the rule sees a circle', () => {
  const files = [
    toSource('engine/a.ts', "import './b.ts';"),
    toSource('engine/b.ts', "import { c } from './ops/c.ts';"),
    toSource('engine/ops/c.ts', "import type { A } from '../a.ts';"),
    toSource('engine/d.ts', "import './a.ts';"),
  ];
  assert.equal(importCircles(files), [['engine/a.ts', 'engine/b.ts', 'engine/ops/c.ts', 'engine/a.ts']]);
});

test('every relative import names a file that is there', () => {
  const paths = new Set(sources.map(({ path }) => path));
  const missing = sources.flatMap(({ path, imports }) =>
    imports
      .filter((name) => /^\w+\/.*\.ts$/.test(name) && partOf(name) && !paths.has(name))
      .map((name) => `${path} -> ${name}`),
  );
  assert.equal(missing, []);
});

test(`no file has more than ${MAX_LINES} lines`, () => {
  const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > MAX_LINES);
  assert.equal(
    long.map(({ path }) => path),
    [],
  );
});

test('nothing is skipped, singled out, silenced or left for later', () => {
  assert.equal(places(sources, /\.(skip|only)\(/), []);
  assert.equal(places(sources, /\b(TO[D]O|FIXM[E]|XX[X])\b|@ts-(ignor[e]|expect-erro[r]|nochec[k])/), []);
  const code = ({ path, text }: Source) => (path.endsWith('.ts') ? withoutComments(text) : '');
  assert.equal(places(sources, /\bas an[y]\b/, code), []);
});

test('only engine/gpu and engine/doctor know Dawn and the platform', () => {
  const others = sources.filter((source) => !knowsThePlatform(source) && !isTest(source));
  const dawn = others.filter(({ imports }) => imports.includes('webgpu')).map(({ path }) => path);
  assert.equal(dawn, []);
  const code = ({ text }: Source) => withoutComments(text);
  const notMain = others.filter((source) => !isMain(source));
  assert.equal(places(notMain, /\bprocess\.(env|platform|arch)\b|from 'node:os'/, code), []);
});

test('every shader belongs to a kernel and every kernel has its shaders', () => {
  const shaders = sources.filter(({ path }) => path.endsWith('.wgsl')).map(({ path }) => path);
  const named = sources
    .filter(({ path }) => /^(kernels|bench)\/.*\.ts$/.test(path))
    .flatMap(({ path, text }) =>
      [...withoutComments(text).matchAll(/['"`]([^'"`\n]+\.wgsl)['"`]/g)].map(([, name]) =>
        new URL(name, `file:///${path}`).pathname.slice(1),
      ),
    );
  const unused = shaders.filter((path) => !named.includes(path));
  const absent = named.filter((path) => !shaders.includes(path));
  assert.equal({ unused, absent }, { unused: [], absent: [] });
});

test.run();
