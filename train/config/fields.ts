import * as z from 'zod';

/**
 * Leaf builders of the run's schema. Each leaf carries two texts: `description`, what the setting means, and
 * `wanted`, the values it takes; `--help` lists them and error messages quote them.
 */
function leaf<Schema extends z.ZodType>(schema: Schema, wanted: string, description: string): Schema {
  return schema.meta({ wanted, description });
}

/** The bounds of a number: `from` and `to` belong to the range, `above` and `below` do not. */
export interface Bounds {
  from?: number;
  to?: number;
  above?: number;
  below?: number;
}

/** A setting that did not exist from the start: runs saved before it did were made with `value`. */
export function added<Schema extends z.ZodType>(schema: Schema, value: z.output<Schema>): Schema {
  return schema.meta({ ...schema.meta(), before: value });
}

/** A whole number, from `from` to `to`. */
export function whole(description: string, from = 0, to = Number.MAX_SAFE_INTEGER) {
  const most = to === Number.MAX_SAFE_INTEGER ? '' : ` and <= ${to}`;
  return leaf(z.int().min(from).max(to), `a whole number >= ${from}${most}`, description);
}

/** A finite number within `bounds`. */
export function real(description: string, bounds: Bounds = {}) {
  return leaf(boundedNumber(bounds), `a number${boundsText(bounds)}`, description);
}

/** Two numbers within `bounds`. */
export function pair(description: string, bounds: Bounds = {}) {
  const number = boundedNumber(bounds);
  return leaf(z.tuple([number, number]), `two numbers [a, b]${boundsText(bounds)}`, description);
}

/** A text that is not empty, such as a path or a name. */
export function text(description: string) {
  return leaf(z.string().min(1), 'a non-empty text', description);
}

/** True or false. */
export function flag(description: string) {
  return leaf(z.boolean(), 'true or false', description);
}

/** One of the names given. */
export function choice<const Names extends readonly [string, ...string[]]>(
  description: string,
  names: Names,
) {
  return leaf(z.enum(names), `one of ${names.join(', ')}`, description);
}

/** A list of any schema's values; `wanted` spells out its elements. */
export function list<Element extends z.ZodType>(description: string, element: Element, wanted: string) {
  return leaf(z.array(element), wanted, description);
}

/** The leaf given, or null. */
export function orNull<Schema extends z.ZodType>(schema: Schema) {
  return leaf(schema.nullable(), `${wantedOf(schema)} or null`, schema.description ?? '');
}

/** The values a leaf takes, in words. */
export function wantedOf(schema: z.ZodType): string {
  return String(schema.meta()?.wanted ?? '');
}

/** One setting of the run: its dotted path and its texts. */
export interface FieldInfo {
  path: string;
  wanted: string;
  description: string;
  /** What runs saved before the setting existed were made with; undefined where it always existed. */
  before?: unknown;
}

/** All settings below `schema`, in the order of the schema. */
export function listFields(schema: z.ZodObject, prefix = ''): FieldInfo[] {
  return Object.entries(schema.shape).flatMap(([key, entry]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (entry instanceof z.ZodObject) return listFields(entry, path);
    const field = entry as z.ZodType;
    const before = field.meta()?.before;
    return [
      {
        path,
        wanted: wantedOf(field),
        description: field.description ?? '',
        ...(before !== undefined && { before }),
      },
    ];
  });
}

/** What `path` leads to in `value`; undefined where it leads nowhere. */
export function valueAt(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], value);
}

function boundedNumber({ from, to, above, below }: Bounds): z.ZodNumber {
  let schema = z.number();
  if (from !== undefined) schema = schema.gte(from);
  if (above !== undefined) schema = schema.gt(above);
  if (to !== undefined) schema = schema.lte(to);
  if (below !== undefined) schema = schema.lt(below);
  return schema;
}

function boundsText({ from, to, above, below }: Bounds): string {
  const parts = [
    from === undefined ? '' : `>= ${from}`,
    above === undefined ? '' : `> ${above}`,
    to === undefined ? '' : `<= ${to}`,
    below === undefined ? '' : `< ${below}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`;
}
