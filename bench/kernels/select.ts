import { ConfigError } from '../../engine/errors.ts';
import type { Choice, TileTable } from '../../engine/gpu/tiles.ts';
import { nearestName } from '../../engine/host/nearest_name.ts';
import {
  type AnyKernel,
  aliasesOf,
  type Dims,
  type Tile,
  tilesOf,
  type Variant,
} from '../../kernels/kernel.ts';
import { type Earlier, withTwins } from './against.ts';
import type { BenchRequest } from './options.ts';
import { describeTile } from './tile_text.ts';

/** One case of a kernel with the choices of variant and tile to run it with. */
export interface Job {
  kernel: AnyKernel;
  caseName: string;
  dims: Dims;
  choices: Choice[];
}

/**
 * What a request asks to run, in the order of the catalogue.
 * @throws ConfigError where a name is unknown or nothing that fits the adapter is left.
 */
export function selectJobs(
  kernels: readonly AnyKernel[],
  tiles: TileTable,
  request: Pick<BenchRequest, 'kernel' | 'case' | 'variant' | 'tile' | 'precision' | 'allTiles' | 'tune'>,
  earlier: Earlier | null = null,
): Job[] {
  const asked = kernels.filter(
    ({ name }) => !request.kernel || name === request.kernel || name.startsWith(`${request.kernel}.`),
  );
  if (asked.length === 0) {
    const families = [...new Set(kernels.map(({ name }) => name.split('.')[0]))];
    const names = [...families, ...kernels.map(({ name }) => name)];
    throw unknown('kernel', request.kernel, names, `There are ${families.sort().join(', ')}.`);
  }
  const named = request.precision === 'f16' ? asked.filter((kernel) => aliasesOf(kernel).length > 0) : asked;
  if (named.length === 0) {
    throw new ConfigError(`${request.kernel} stores nothing in f16`, 'Leave --precision away.');
  }
  const cases = named.flatMap((kernel) => Object.keys(kernel.cases));
  if (request.case && !cases.includes(request.case)) {
    throw unknown('case', request.case, cases, `There are ${listed(cases)}.`);
  }
  checkVariant(named, tiles, request);
  const jobs = named.flatMap((kernel) =>
    Object.entries(kernel.cases)
      .filter(([caseName]) => !request.case || caseName === request.case)
      .map(([caseName, dims]) => ({
        kernel,
        caseName,
        dims,
        choices: choicesFor(kernel, dims, tiles, request, earlier),
      }))
      .filter(({ choices }) => choices.length > 0),
  );
  if (jobs.length === 0) throw earlier ? nothingDiffers(earlier) : nothingLeft(request);
  return jobs;
}

function choicesFor(
  kernel: AnyKernel,
  dims: Dims,
  tiles: TileTable,
  { variant: wanted, tile, precision, allTiles, tune }: Parameters<typeof selectJobs>[2],
  earlier: Earlier | null,
): Choice[] {
  const variants = tiles.fitting(kernel, dims).filter(({ name }) => !wanted || name === wanted);
  if (earlier) {
    const every = tile
      ? withTile(variants, tile, tiles)
      : allTiles
        ? withAllTiles(variants)
        : untuned(variants, tiles);
    return withTwins(every, earlier);
  }
  if (allTiles || tune) {
    return withAllTiles(variants);
  }
  if (tile) {
    return withTile(variants, tile, tiles).slice(0, 1);
  }
  if (wanted) return untuned(variants, tiles);
  return [tiles.choose(kernel, dims, precision)];
}

function untuned(variants: readonly Variant[], tiles: TileTable): Choice[] {
  return variants.map((variant) => ({ variant, tile: tiles.untunedTile(variant) }));
}

function withAllTiles(variants: readonly Variant[]): Choice[] {
  return variants.flatMap((variant) => tilesOf(variant).map((tile) => ({ variant, tile })));
}

/** The variants that have the constants of a tile, with it. */
function withTile(variants: readonly Variant[], tile: Tile, tiles: TileTable): Choice[] {
  const having = variants.filter((variant) => Object.keys(tile).every((name) => name in tilesOf(variant)[0]));
  return untuned(having, tiles).map((choice) => ({ ...choice, tile: { ...choice.tile, ...tile } }));
}

/** Refuses a variant or a tile constant that none of the kernels has, and a variant that does not fit. */
function checkVariant(
  kernels: readonly AnyKernel[],
  tiles: TileTable,
  { variant, tile = {} }: Pick<BenchRequest, 'variant' | 'tile'>,
): void {
  const variants: Variant[] = kernels.flatMap((kernel) => [...kernel.variants]);
  const names = variants.map(({ name }) => name);
  if (variant && !names.includes(variant)) {
    throw unknown('variant', variant, names, `There are ${listed(names)}.`);
  }
  const fitting = kernels.flatMap((kernel) => tiles.fitting(kernel).map(({ name }) => name));
  if (variant && !fitting.includes(variant)) {
    throw new ConfigError(
      `variant '${variant}' does not fit this adapter`,
      `Here fit ${listed(fitting)}; choose another adapter with --adapter.`,
    );
  }
  const constants = variants.flatMap((v) => Object.keys(tilesOf(v)[0]));
  for (const name of Object.keys(tile)) {
    if (constants.includes(name)) continue;
    const there = constants.length > 0 ? `There are ${listed(constants)}.` : 'These kernels have none.';
    throw unknown('tile constant', name, constants, there);
  }
}

function nothingDiffers({ revision }: Earlier) {
  return new ConfigError(
    `no shader that could run here differs from ${revision}`,
    'Edit one, name an earlier revision, or leave --against away to time them as they are.',
  );
}

function nothingLeft({ variant, tile, case: caseName }: Pick<BenchRequest, 'variant' | 'tile' | 'case'>) {
  const asked = [
    ...(caseName ? [`case '${caseName}'`] : []),
    ...(variant ? [`variant '${variant}'`] : []),
    ...(tile ? [`tile ${describeTile(tile)}`] : []),
  ];
  return new ConfigError(`no kernel has ${asked.join(' and ')} together`, 'Leave one of these flags away.');
}

function unknown(what: string, name: string | undefined, names: readonly string[], there: string) {
  const nearest = nearestName(name ?? '', names);
  const guess = nearest === undefined ? '' : `Did you mean '${nearest}'? `;
  return new ConfigError(`there is no ${what} '${name}'`, `${guess}${there}`);
}

function listed(names: readonly string[]): string {
  return [...new Set(names)].map((name) => `'${name}'`).join(', ');
}
