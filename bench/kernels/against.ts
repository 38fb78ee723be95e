import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ConfigError } from '../../engine/errors.ts';
import type { Choice } from '../../engine/gpu/tiles.ts';
import { type AnyKernel, constantsOf, type Dims, tilesOf, type Variant } from '../../kernels/kernel.ts';
import { declares } from '../../kernels/specialise.ts';
import type { Row } from './row.ts';

/** Marks the name of a variant whose shaders are those of an earlier revision. */
const AT = '@';

/** Shaders as they were at a git revision, beside those that differ from them now. */
export class Earlier {
  readonly revision: string;
  private readonly texts = new Map<string, string>();
  private readonly twins = new Map<Variant, Variant>();

  private constructor(revision: string) {
    this.revision = revision;
  }

  /**
   * Reads the shaders of all kernels at a revision.
   * @param readText reads a shader as it is now.
   * @throws ConfigError where git does not know the revision, or is not there.
   */
  static async read(
    revision: string,
    kernels: readonly AnyKernel[],
    readText: (url: URL) => Promise<string>,
  ): Promise<Earlier> {
    const earlier = new Earlier(revision);
    const [anywhere] = kernels[0].variants;
    await git(
      new URL('.', anywhere.source),
      'rev-parse',
      '--verify',
      '--quiet',
      `${revision}^{commit}`,
    ).catch(() => {
      throw new ConfigError(
        `--against ${revision}: git knows no such revision here`,
        'Give a commit, a branch or a tag of a clone of this project, such as HEAD.',
      );
    });
    for (const kernel of kernels) {
      for (const variant of kernel.variants) await earlier.add(kernel, variant, readText);
    }
    return earlier;
  }

  /** The variant with its shaders of the revision; undefined where they are the same, or were not there yet. */
  twinOf(variant: Variant): Variant | undefined {
    return this.twins.get(variant);
  }

  /** The kernels with the earlier twins of their variants, for what loads shaders. */
  kernels(all: readonly AnyKernel[]): AnyKernel[] {
    return all.map((kernel) => ({
      ...kernel,
      variants: kernel.variants.flatMap((variant) => this.twins.get(variant) ?? []),
    }));
  }

  /** The text of a twin's shader; undefined for a shader of now. */
  textOf({ href }: URL): string | undefined {
    return this.texts.get(href);
  }

  /** Adds the twin of a variant whose source was there; helpers that were not are left out. */
  private async add(
    kernel: AnyKernel,
    variant: Variant,
    readText: (url: URL) => Promise<string>,
  ): Promise<void> {
    const urls = [variant.source, ...(variant.helpers ?? [])];
    const files = await Promise.all(
      urls.map(async (url) => {
        const at = this.at(url);
        return { at, now: await readText(url), text: this.texts.get(at.href) ?? (await this.textAt(url)) };
      }),
    );
    const [source] = files;
    if (source.text === undefined || files.every(({ now, text }) => now === text)) return;
    source.text = withConstants(source.text, namesOfConstants(kernel, variant));
    const there = files.filter(({ text }) => text !== undefined);
    for (const { at, text } of there) this.texts.set(at.href, text!);
    const name = `${variant.name}${AT}${this.revision}`;
    const [, ...helpers] = there.map(({ at }) => at);
    this.twins.set(variant, { ...variant, name, source: source.at, helpers });
  }

  private at(url: URL): URL {
    return new URL(`?${encodeURIComponent(this.revision)}`, url);
  }

  private textAt(url: URL): Promise<string | undefined> {
    const file = fileURLToPath(url).split(/[/\\]/).at(-1);
    return git(new URL('.', url), 'show', `${this.revision}:./${file}`).catch(() => undefined);
  }
}

/** Every constant that a variant sets at one of the kernel's sizes. */
function namesOfConstants(kernel: AnyKernel, variant: Variant): string[] {
  const cases = Object.values<Dims>(kernel.cases);
  return cases.flatMap((dims) => Object.keys(constantsOf(variant, tilesOf(variant)[0], dims)));
}

/** An earlier source that can be set what the variant sets now: what it did not have yet, it does not read. */
function withConstants(source: string, names: readonly string[]): string {
  const lacking = [...new Set(names)].filter((name) => !declares(source, name));
  return [source, ...lacking.map((name) => `const ${name}: u32 = 0;`)].join('\n');
}

/** Whether a row is that of an earlier revision. */
export function isEarlier({ tile }: Row): boolean {
  return tile.variant.includes(AT);
}

/** Each choice whose shaders differ, followed by its twin. */
export function withTwins(choices: readonly Choice[], earlier: Earlier): Choice[] {
  return choices.flatMap((choice) => {
    const variant = earlier.twinOf(choice.variant);
    return variant ? [choice, { ...choice, variant }] : [];
  });
}

async function git(folder: URL, ...command: string[]): Promise<string> {
  const options = { cwd: fileURLToPath(folder), maxBuffer: 2 ** 24 };
  return (await promisify(execFile)('git', command, options)).stdout;
}
