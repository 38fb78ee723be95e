/**
 * What a kernel is: readable WGSL plus pure data. Engine, tests and bench all consume this descriptor; nothing
 * in `kernels/` touches a GPU or a file.
 */

/** Type of a field of the `Dims` uniform struct. */
export type DimType = 'u32' | 'i32' | 'f32';
/**
 * A name that a kernel's WGSL files declare as `alias NAME = f32;`: the buffers of that type may be stored in f16.
 * Activations are `store_t`; a kernel that mixes precisions has further aliases.
 */
export type Alias = `${string}_t`;
export type BufferType = 'f32' | 'u32' | 'i32' | Alias;
export type Access = 'read' | 'write' | 'read_write';
/** What an alias is set to; arithmetic is f32 either way. */
export type StoreType = 'f32' | 'f16';
/** What each alias of a kernel is set to, f32 where it is not named; one type for all of them. */
export type Stores = StoreType | Readonly<Partial<Record<Alias, StoreType>>>;

/** Sizes and scalar settings of one launch. */
export type Dims = Readonly<Record<string, number>>;
/** Values of the `const NAME: u32` lines that a variant lets the tuner choose. */
export type Tile = Readonly<Record<string, number>>;
/** Host-side values; integers up to 2^32 are exact in float64. */
export type HostArrays = Record<string, Float64Array>;
/** Uniform numbers in [0, 1). */
export type Random = () => number;
/** Number of workgroups along x, y, z. */
export type Grid = readonly [number, number, number];

export function isAlias(dtype: BufferType): dtype is Alias {
  return dtype.endsWith('_t');
}

/** The element type that a buffer has with these stores. */
export function elementType(dtype: BufferType, stores: Stores): StoreType | 'u32' | 'i32' {
  if (!isAlias(dtype)) return dtype as StoreType | 'u32' | 'i32';
  return typeof stores === 'string' ? stores : (stores[dtype] ?? 'f32');
}

export interface BufferSpec<D extends Dims = Dims> {
  access: Access;
  dtype: BufferType;
  /**
   * Row-major shape. A shape of no elements means that the buffer is not used with these dims: it need not be
   * given at launch, and a small stand-in is bound.
   */
  shape: (dims: D) => readonly number[];
  /** Test input; by default uniform in [-1, 1) for floats. Integer buffers must say. */
  input?: (dims: D, random: Random) => ArrayLike<number>;
}

/** What a variant may ask of an adapter. */
export interface AdapterFacts {
  /** A CPU implementation: lavapipe, SwiftShader, WARP. */
  software: boolean;
  subgroups: boolean;
  /** The guaranteed range of subgroup sizes; 0 without subgroups. */
  subgroupMinSize: number;
  subgroupMaxSize: number;
  f16: boolean;
  maxWorkgroupSize: number;
  maxWorkgroupStorage: number;
}

/** Software adapters whose subgroup of 8 lanes is one SIMD register: what the register-tile variants are written for. */
export function softwareSubgroups(facts: AdapterFacts): boolean {
  return facts.software && facts.subgroups && facts.subgroupMinSize === 8 && facts.subgroupMaxSize === 8;
}

/** One implementation of a kernel: a WGSL file with its tile parameters. */
export interface Variant<D extends Dims = Dims> {
  /** Shown in bench rows and stored in the tuning table. */
  name: string;
  source: URL;
  /** WGSL files appended after the source. */
  helpers?: readonly URL[];
  /** Whether the adapter can run it. The first variant that fits the adapter and takes the sizes is the default. */
  fits?: (facts: AdapterFacts) => boolean;
  /** Whether it can run these sizes; all of them where it does not say. */
  takes?: (dims: D) => boolean;
  /** What the tuner tries; it runs with the first where nothing is tuned. None: it has nothing to tune. */
  tiles?: readonly Tile[];
  /** What GPUs in hardware run with instead of the first. */
  hardware?: Tile;
  /** Further constants that the sizes decide, to leave out code; every set of values is a pipeline of its own. */
  constants?: (dims: D) => Tile;
  grid: (dims: D, tile: Tile) => Grid;
}

export interface Kernel<
  D extends Dims = Dims,
  B extends Record<string, BufferSpec<D>> = Record<string, BufferSpec<D>>,
> {
  /** `family.direction`, unique in the catalogue. */
  name: string;
  /** Meaning, equation and source. */
  doc: string;
  dims: { readonly [K in keyof D]: DimType };
  /** Order = binding number in group 0. */
  buffers: B;
  /** Preferred first; the last one must fit every adapter and take every size. */
  variants: readonly Variant<D>[];
  /** Floating-point operations and the bytes that must move (each input read once, each output written once). */
  cost: (dims: D) => { flops: number; bytes: number };
  /** Named sizes that tests and bench run; at least one odd and misaligned. */
  cases: Readonly<Record<string, D>>;
  /** Largest error allowed, relative to the largest magnitude of the output; storing in f16 adds its rounding. */
  tolerance: number;
  /** Float64 truth: all inputs (read and read_write) to all outputs (write and read_write). */
  reference: (dims: D, inputs: HostArrays) => HostArrays;
}

/** A kernel whose sizes and buffer names are not known statically. */
// biome-ignore lint/suspicious/noExplicitAny: the one place where the descriptor's type parameters are erased
export type AnyKernel = Kernel<any, Record<string, BufferSpec<any>>>;

/** A descriptor with its single implementation written inline. */
type OneVariant<D extends Dims> = Omit<Variant<D>, 'name' | 'fits'>;
type KernelInput<D extends Dims, B extends Record<string, BufferSpec<D>>> = Omit<
  Kernel<D, B>,
  'variants' | 'dims'
> & {
  dims: { readonly [K in keyof D]: DimType };
} & ({ variants: readonly Variant<D>[] } | OneVariant<D>);

/**
 * Completes a descriptor. Single-implementation kernels put the fields of their variant at the top level; kernels with
 * several give `variants`.
 */
export function defineKernel<
  S extends Record<string, DimType>,
  B extends Record<string, BufferSpec<DimsOf<S>>>,
>(input: KernelInput<DimsOf<S>, B> & { dims: S }): Kernel<DimsOf<S>, B> {
  if ('variants' in input) return input;
  const { name, doc, dims, buffers, cost, cases, tolerance, reference, ...variant } = input;
  const variants = [{ ...variant, name: 'plain' }];
  return { name, doc, dims, buffers, variants, cost, cases, tolerance, reference };
}

/** The tile of a variant where nothing was forced or tuned. */
export function defaultTile(variant: Variant, { software }: Pick<AdapterFacts, 'software'>): Tile {
  const [first] = tilesOf(variant);
  return software ? first : (variant.hardware ?? first);
}

/** The tiles of a variant; at least one, which is empty where nothing can be tuned. */
export function tilesOf({ tiles = [{}] }: Variant): readonly Tile[] {
  return tiles;
}

/** Every constant of a launch: the tile's and those that its sizes decide. */
export function constantsOf(variant: Variant, tile: Tile, dims: Dims): Tile {
  return variant.constants ? { ...tile, ...variant.constants(dims) } : tile;
}

/** The aliases of a kernel; none means that it knows f32 only. */
export function aliasesOf(kernel: AnyKernel): Alias[] {
  return [...new Set(Object.values(kernel.buffers).map(({ dtype }) => dtype))].filter(isAlias);
}

/** The kernel's cost, which it gives for f32, where the share of the buffers that is stored in f16 moves half as much. */
export function costOf(kernel: AnyKernel, dims: Dims, stores: Stores): { flops: number; bytes: number } {
  const { flops, bytes } = kernel.cost(dims);
  let all = 0;
  let halved = 0;
  for (const { dtype, shape } of Object.values(kernel.buffers)) {
    const size = product(shape(dims));
    all += size;
    if (elementType(dtype, stores) === 'f16') halved += size;
  }
  return { flops, bytes: all === 0 ? bytes : bytes * (1 - halved / all / 2) };
}

/** The launch sizes that belong to a `dims` declaration. */
export type DimsOf<S extends Record<string, DimType>> = { readonly [K in keyof S]: number };

/** The most workgroups along one dimension that every WebGPU adapter allows. */
export const MAX_GRID = 65535;

/**
 * A one-dimensional grid of `count` workgroups, folded into two dimensions when it is long. Shaders read their
 * number as `group.y * groups.x + group.x` and return when it is out of range.
 */
export function flatGrid(count: number): Grid {
  const wanted = Math.max(1, Math.ceil(count));
  if (wanted <= MAX_GRID) return [wanted, 1, 1];
  const rows = Math.ceil(wanted / MAX_GRID);
  return [Math.ceil(wanted / rows), rows, 1];
}

export function ceilDiv(a: number, b: number): number {
  return Math.ceil(a / b);
}

export function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
