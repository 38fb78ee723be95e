import {
  type AnyKernel,
  aliasesOf,
  elementType,
  isAlias,
  type Stores,
  type Tile,
  type Variant,
} from './kernel.ts';

/**
 * Turns a WGSL file into the module to compile by rewriting declared lines only: `const NAME: u32 = ...;` for
 * tile parameters and what the sizes decide, and `alias NAME_t = f32;` for the storage precision, with `alias NAME_words = vec4u;` for four
 * such numbers as words: software adapters load two halves in one word in the time of one. Line numbers stay those
 * of the file.
 */
export function specialise(source: string, tile: Tile, stores: Stores): string {
  let text = source;
  for (const [name, value] of Object.entries(tile)) {
    if (!declares(text, name)) throw new Error(`${name} is not declared as 'const ${name}: u32 = ...;'`);
    text = text.replace(
      lineOf(name),
      (_, type: string) => `const ${name}: ${type} = ${literal(value, type)};`,
    );
  }
  const isHalf = (name: string) => elementType(`${name}_t`, stores) === 'f16';
  const halved = text
    .replace(/^alias (\w+)_t = f32;/gm, (line, name) => (isHalf(name) ? `alias ${name}_t = f16;` : line))
    .replace(/^alias (\w+)_words = vec4u;/gm, (line, name) =>
      isHalf(name) ? `alias ${name}_words = vec2u;` : line,
    );
  return halved === text ? text : `enable f16; ${halved}`;
}

/** Whether a WGSL file has the line that {@link specialise} sets a constant in. */
export function declares(source: string, name: string): boolean {
  return lineOf(name).test(source);
}

function lineOf(name: string): RegExp {
  return new RegExp(`^const ${name}: (u32|i32|f32|bool) = [^;]*;`, 'm');
}

function literal(value: number, type: string): string {
  if (type === 'bool') return value ? 'true' : 'false';
  return type === 'f32' && Number.isInteger(value) ? `${value}.0` : `${value}`;
}

/**
 * Compares the bindings and the `Dims` struct that a WGSL file declares with its descriptor.
 * @returns the differences in words; empty when they agree.
 */
export function declarationProblems(kernel: AnyKernel, variant: Variant, source: string): string[] {
  const problems: string[] = [];
  const where = `${kernel.name} (${variant.name})`;
  const fields = /struct Dims \{([^}]*)\}/.exec(source)?.[1] ?? '';
  const found = [...fields.matchAll(/(\w+): (\w+)/g)].map((m) => `${m[1]}: ${m[2]}`);
  const wanted = Object.entries(kernel.dims).map(([name, type]) => `${name}: ${type}`);
  if (found.join(', ') !== wanted.join(', ')) {
    problems.push(
      `${where}: struct Dims { ${found.join(', ')} } but the descriptor has { ${wanted.join(', ')} }`,
    );
  }
  const bindings = new Map<number, { name: string; access: string; type: string }>();
  for (const m of source.matchAll(/@group\(0\) @binding\((\d+)\) var<storage, (\w+)> (\w+): ([^;]+);/g)) {
    bindings.set(Number(m[1]), { access: m[2], name: m[3], type: m[4] });
  }
  for (const alias of aliasesOf(kernel)) {
    if (!new RegExp(`^alias ${alias} = f32;`, 'm').test(source))
      problems.push(`${where}: no line 'alias ${alias} = f32;', which the descriptor has`);
  }
  Object.entries(kernel.buffers).forEach(([name, spec], index) => {
    const declared = bindings.get(index);
    const access = spec.access === 'read' ? 'read' : 'read_write';
    if (declared?.name !== name || declared.access !== access) {
      const got = declared ? `var<storage, ${declared.access}> ${declared.name}` : 'nothing';
      problems.push(`${where}: binding ${index} is ${got}, the descriptor has ${access} ${name}`);
    }
    const alias = /\w+_t\b/.exec((declared?.type ?? '').replace('_words', '_t'))?.[0];
    const wantedAlias = isAlias(spec.dtype) ? spec.dtype : undefined;
    if (declared && alias !== wantedAlias) {
      problems.push(`${where}: ${name} is ${declared.type}, the descriptor has ${spec.dtype}`);
    }
  });
  if (bindings.size > Object.keys(kernel.buffers).length) {
    problems.push(
      `${where}: ${bindings.size} bindings, the descriptor has ${Object.keys(kernel.buffers).length}`,
    );
  }
  return problems;
}
