import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkCompute, firstDifference } from '../../../engine/doctor/compute_check.ts';
import { readAptSources } from '../../../engine/doctor/machine.ts';
import { isAtLeast } from '../../../engine/doctor/versions.ts';
import { AdapterError, DataError } from '../../../engine/errors.ts';
import { debugLevel, listAdapters, nodePlatform, parseAdapterList } from '../../../engine/gpu/node.ts';
import { adapterKey, adapterText, isSoftware } from '../../../engine/gpu/platform.ts';
import { findSwiftshader, withDriver } from '../../../engine/gpu/swiftshader.ts';
import { rejectionOf } from '../../support/error_of.ts';

const test = suite('doctor platform');
const LAVAPIPE = {
  vendor: 'mesa',
  architecture: 'software',
  device: 'llvmpipe-llvm-15-0-6-256-bits-',
  description: 'llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1',
};
const NVIDIA = {
  vendor: 'nvidia',
  architecture: 'hopper',
  device: 'nvidia-h200',
  description: 'NVIDIA: 570.1',
};

let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cascade-doctor-'));
});
test.after(() => rm(folder, { recursive: true }));
const url = (name: string): URL => pathToFileURL(join(folder, name));

test("Dawn's list of adapters", () => {
  const message = `no suitable backends found
Available adapters:
 * backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)'
 * backend: 'd3d12', name: 'Bob's GPU'`;
  assert.equal(parseAdapterList(message), [
    { backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)' },
    { backend: 'd3d12', name: "Bob's GPU" },
  ]);
  assert.equal(parseAdapterList('something else'), []);
});

test('what an adapter is called by', () => {
  for (const name of ['lavapipe', 'llvmpipe', 'mesa', 'software', '15.0.6']) {
    assert.ok(adapterText(LAVAPIPE).includes(name), name);
  }
  assert.not.ok(adapterText(NVIDIA).includes('lavapipe'));
  assert.ok(adapterText(NVIDIA, 'NVIDIA H200 NVL').includes('h200 nvl'));
  assert.is(adapterKey(NVIDIA), 'nvidia-nvidia-h200-nvidia-570.1');
  assert.match(adapterKey(LAVAPIPE), /^mesa-llvmpipe-[a-z0-9.-]+25\.0\.7-2-bpo12-1[a-z0-9.-]*[a-z0-9]$/);
  assert.is(adapterKey({ vendor: '', architecture: '', device: '', description: '' }), 'unknown');
});

test('software adapters', () => {
  assert.ok(isSoftware(LAVAPIPE));
  assert.ok(isSoftware({ ...NVIDIA, description: 'SwiftShader driver 5.0.0' }));
  assert.ok(isSoftware({ ...NVIDIA, isFallbackAdapter: true }));
  assert.not.ok(isSoftware({ ...NVIDIA, isFallbackAdapter: false }));
});

test('DEBUG is a number from 0 to 4; words belong to other tools', () => {
  assert.equal(
    [undefined, '', '0', '1', '4', '9', '-1', 'express:*', '1.5'].map(debugLevel),
    [0, 0, 0, 1, 4, 4, 0, 0, 0],
  );
});

test('the best adapter, by name in any case, each usable once more', async () => {
  const platform = nodePlatform();
  const best = await platform.requestAdapter();
  assert.ok(best, 'this machine has no adapter');
  const [word] = best.info.device.split(/[^a-z]/);
  const named = await platform.requestAdapter({ adapter: word.toUpperCase() });
  assert.is(named?.info.device, best.info.device);
  assert.is.not(named, best);
  const check = await checkCompute(best);
  assert.equal([check.ok, check.problem], [true, '']);
  assert.ok((await checkCompute(named as GPUAdapter)).ok);
  const again = await checkCompute(best);
  assert.not.ok(again.ok, 'an adapter yields one device');
  assert.ok(again.problem.length > 0);
});

test('a name that nothing carries lists what is there', async () => {
  const listed = await listAdapters();
  assert.ok(listed.length > 0);
  const platform = nodePlatform();
  const error = await rejectionOf(AdapterError, () => platform.requestAdapter({ adapter: 'No Such Card' }));
  assert.match(error.message, /^no adapter matches 'no such card'; there is '/);
  for (const { name, backend } of listed) assert.ok(error.message.includes(`'${name}' (${backend})`));
  assert.match(error.hint, /Leave --adapter and CASCADE_ADAPTER away/);
});

test('wrong numbers are seen', () => {
  const right = Float32Array.from({ length: 1000 }, (_, i) => 3 * (i / 8) + i);
  assert.is(firstDifference(right), '');
  right[7] = 0;
  assert.is(firstDifference(right), 'number 7 is 0 instead of 9.625');
  assert.match(firstDifference(right.subarray(0, 5)), /5 numbers came back instead of 1000/);
});

test('tuning tables are kept per adapter', async () => {
  const platform = nodePlatform({ cache: url('cache/') });
  assert.equal(await platform.loadTuning('a'), {});
  const table = { 'matmul 3x4': { variant: 'subgroup', tile: { ROWS: 32 } } };
  await platform.saveTuning('a', table);
  assert.equal(await platform.loadTuning('a'), table);
  assert.equal(await platform.loadTuning('b'), {});
  await platform.saveTuning('a', {});
  assert.equal(await platform.loadTuning('a'), {});
  assert.equal(await readdir(url('cache/tuning/')), ['a.json']);
});

test('a broken tuning table is named with its cause', async () => {
  const platform = nodePlatform({ cache: url('broken/') });
  await mkdir(url('broken/tuning/'), { recursive: true });
  for (const [text, cause] of [
    ['{"a": ', /a\.json: is not JSON: /],
    [
      '{"a": {"variant": "v", "tile": {"ROWS": "many"}}}',
      /a\.json: does not fit:.*expected (number|int).*a\.tile\.ROWS/s,
    ],
  ] as const) {
    await writeFile(url('broken/tuning/a.json'), text);
    const error = await rejectionOf(DataError, () => platform.loadTuning('a'));
    assert.match(error.message, cause);
    assert.match(error.hint, /Delete the file/);
  }
});

test("SwiftShader's manifest is the shipped one, or one written for its library", async () => {
  await mkdir(url('chromium/'), { recursive: true });
  const library = join(folder, 'chromium', 'libvk_swiftshader.so');
  const missing = join(folder, 'nowhere', 'libvk_swiftshader.so');
  assert.is(await findSwiftshader(url('cache/'), [missing]), null);
  await writeFile(library, '');
  const written = (await findSwiftshader(url('cache/'), [missing, library])) ?? '';
  assert.is(written, join(folder, 'cache', 'vulkan', 'vk_swiftshader_icd.json'));
  assert.is(JSON.parse(await readFile(written, 'utf8')).ICD.library_path, library);
  const shipped = join(folder, 'chromium', 'vk_swiftshader_icd.json');
  await writeFile(shipped, '{}');
  assert.is(await findSwiftshader(url('cache/'), [missing, library]), shipped);
});

test('the driver variables are put back', async () => {
  const names = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'];
  const before = names.map((name) => process.env[name]);
  const inside = withDriver('/m.json', async () => names.map((name) => process.env[name]));
  assert.equal(await inside, ['/m.json', '/m.json']);
  const failing = withDriver('/m.json', () => Promise.reject(new Error('no')));
  assert.match(String(await failing.catch((error) => error)), /no/);
  assert.equal(
    names.map((name) => process.env[name]),
    before,
  );
});

test('apt sources of both formats are found', async () => {
  await mkdir(url('apt/sources.list.d/'), { recursive: true });
  await writeFile(url('apt/sources.list'), 'deb http://a/debian bookworm main\n');
  await writeFile(
    url('apt/sources.list.d/b.sources'),
    'Types: deb\nURIs: http://b\nSuites: x\nComponents: main\n',
  );
  await writeFile(url('apt/sources.list.d/c.list.disabled'), 'deb http://c/debian bookworm main\n');
  assert.equal((await readAptSources(join(folder, 'apt'))).map(({ uris }) => uris[0]).sort(), [
    'http://a/debian',
    'http://b',
  ]);
  assert.equal(await readAptSources(join(folder, 'no-apt')), []);
});

test('versions', () => {
  assert.ok(isAtLeast('20.19.0', '>=20.19'));
  assert.ok(isAtLeast('22.0.0', '>=20.19'));
  assert.ok(isAtLeast('20.19', '>=20.19.0'));
  assert.not.ok(isAtLeast('20.9.5', '>=20.19'));
  assert.not.ok(isAtLeast('18.20.0', '>=20.19'));
});

test.run();
