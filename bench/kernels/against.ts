import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ConfigError } from '../../engine/errors.ts';
import type { Choice } from '../../engine/gpu/tiles.ts';
import type { AnyKernel, Variant } from '../../kernels/kernel.ts';
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
    for (const variant of kernels.flatMap(({ variants }) => variants)) await earlier.add(variant, readText);
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

  private async add(variant: Variant, readText: (url: URL) => Promise<string>): Promise<void> {
    let differs = false;
    for (const url of [variant.source, ...(variant.helpers ?? [])]) {
      const { href } = this.at(url);
      const text = this.texts.get(href) ?? (await this.textAt(url));
      if (text === undefined) return;
      this.texts.set(href, text);
      differs ||= text !== (await readText(url));
    }
    if (!differs) return;
    const name = `${variant.name}${AT}${this.revision}`;
    const helpers = variant.helpers?.map((url) => this.at(url));
    this.twins.set(variant, { ...variant, name, source: this.at(variant.source), helpers });
  }

  private at(url: URL): URL {
    return new URL(`?${encodeURIComponent(this.revision)}`, url);
  }

  private textAt(url: URL): Promise<string | undefined> {
    const file = fileURLToPath(url).split(/[/\\]/).at(-1);
    return git(new URL('.', url), 'show', `${this.revision}:./${file}`).catch(() => undefined);
  }
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
