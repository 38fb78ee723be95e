import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ensureAdapter } from '../../engine/doctor/ensure.ts';
import { AdapterError } from '../../engine/errors.ts';
import { listAdapters, wantedAdapter } from '../../engine/gpu/node.ts';
import { adapterKey, isSoftware, type Platform } from '../../engine/gpu/platform.ts';
import { writeFileAtomic } from '../../engine/host/atomic_file.ts';
import { resultsFile } from '../results_file.ts';
import { installPeers, versionOf } from './install.ts';
import { type ContenderId, contenderIds } from './messages.ts';
import { parsePeers } from './options.ts';
import { ContenderProcess } from './process.ts';
import { type PeerRow, type Racer, race } from './race.ts';
import { type PeersReport, reportJson, reportMarkdown, workText } from './report.ts';
import { Truth } from './truth.ts';
import { makeInputs } from './works.ts';

export interface PeersOptions {
  platform: Platform;
  machine(): { cpu: string; cores: number; load: number };
  /** Receives the results. */
  say(text: string): void;
  /** Receives what is going on. */
  note(text: string): void;
}

/** What each peer is called, and its package. */
const PEERS: Record<Exclude<ContenderId, 'ours'>, [name: string, packageName: string]> = {
  'jax-js': ['jax-js', '@jax-js/jax'],
  tfjs: ['tfjs', '@tensorflow/tfjs'],
  'onnxruntime-webgpu': ['onnxruntime WebGPU', 'onnxruntime-node'],
  'onnxruntime-cpu': ['onnxruntime CPU', 'onnxruntime-node'],
};

/**
 * `npm run bench -- --peers`.
 * @param argv without node and script.
 * @returns the exit code: 1 when one of our own results is wrong or missing.
 */
export async function runPeers(argv: string[], options: PeersOptions): Promise<number> {
  const request = parsePeers(argv);
  const { platform, machine, say, note } = options;
  await ensureAdapter({ adapter: request.adapter, platform });
  const adapter = await platform.requestAdapter({ adapter: request.adapter });
  if (adapter === null) throw new AdapterError('no WebGPU adapter was found', 'Run `npm run doctor`.');
  await installPeers(note);
  const { cpu, cores, load: loadBefore } = machine();
  const name = adapter.info.description || adapter.info.device;
  say(
    `${name}, ${cpu}, ${cores} cores, load ${loadBefore.toFixed(1)}; x is how many times as long as ours\n`,
  );

  const elsewhere = await otherAdapterOfOnnx(adapter.info.device, request.adapter);
  const racers = await Promise.all(contenderIds.map((id) => makeRacer(id, request.adapter, elsewhere)));
  const truth = new Truth();
  const rows: PeerRow[] = [];
  try {
    for (const work of request.works) {
      const found = await race(work, racers, truth.of(work, makeInputs(work)), request.runs);
      say(workText(found));
      rows.push(...found);
    }
  } finally {
    for (const racer of racers) if (racer instanceof ContenderProcess) racer.stop();
  }
  const report: PeersReport = {
    conditions: {
      adapter: name,
      cpu,
      cores,
      node: process.version,
      runs: request.runs,
      loadBefore,
      loadAfter: machine().load,
    },
    racers: racers.map((racer) => racer.name),
    rows,
  };
  if (request.json) {
    const { info } = adapter;
    const standard = resultsFile('peers', { key: adapterKey(info), software: isSoftware(info) }, cpu);
    await write(request.json === true ? standard : request.json, report, say);
  }
  return rows.every(({ racer, reason }) => racer !== racers[0].name || reason === null) ? 0 : 1;
}

async function makeRacer(
  id: ContenderId,
  adapter: string | undefined,
  elsewhere: string | null,
): Promise<Racer> {
  if (id === 'ours') return new ContenderProcess(id, 'ours', adapter);
  const [label, packageName] = PEERS[id];
  const name = `${label} ${await versionOf(packageName)}`;
  return id === 'onnxruntime-webgpu' && elsewhere !== null
    ? absent(name, elsewhere)
    : new ContenderProcess(id, name, adapter);
}

/**
 * onnxruntime opens the first adapter whatever is asked for: why it cannot be compared on another one, or null.
 * @param device as the adapter calls it, in small letters and dashes.
 */
async function otherAdapterOfOnnx(device: string, wanted: string | undefined): Promise<string | null> {
  if (wantedAdapter(wanted) === undefined) return null;
  const [first] = await listAdapters();
  const plain = (name = ''): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '');
  if (plain(first?.name) === plain(device)) return null;
  return `runs on ${first?.name ?? 'no adapter'} only, which is another adapter`;
}

function absent(name: string, reason: string): Racer {
  const refuse = (): Promise<never> => Promise.reject(new Error(reason));
  return { name, prepare: refuse, run: refuse, release: refuse };
}

async function write(file: string, report: PeersReport, say: (text: string) => void): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const table = file.replace(/\.json$/, '.md');
  await writeFileAtomic(file, reportJson(report));
  await writeFileAtomic(table, reportMarkdown(report));
  say(`\nwritten: ${file} and ${table}`);
}
