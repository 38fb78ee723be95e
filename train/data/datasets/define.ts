import type { DatasetName } from '../../config/schema.ts';

/** Red, green and blue, 0..255. */
export type Rgb = readonly [number, number, number];

/** What is fixed about a benchmark: its classes, the zero-shot split and how mask files code them. */
export interface DatasetInfo {
  readonly name: DatasetName;
  /** The name in print. */
  readonly title: string;
  /** Class names; a class id is an index into them. */
  readonly classes: readonly string[];
  /** Ids of the classes whose masks an inductive training run sees, ascending. */
  readonly seen: readonly number[];
  /** Ids of the classes whose masks it never sees, ascending. */
  readonly novel: readonly number[];
  /** Colour of each class. */
  readonly palette: readonly Rgb[];
  /** Value in a mask file of class 0. Where it is 1, the value 0 means background; 255 always means ignore. */
  readonly firstClassValue: 0 | 1;
  /** T, visual prompt tokens of the published model for this benchmark. */
  readonly promptTokens: number;
}

/** A benchmark as its file states it: names separated by commas, colours as hexadecimal RRGGBB. */
interface Definition extends Pick<DatasetInfo, 'name' | 'title' | 'firstClassValue' | 'promptTokens'> {
  classes: string;
  novel: string;
  palette: string;
}

/** Turns the compact form of a benchmark into a {@link DatasetInfo}; `seen` is what `novel` leaves over. */
export function defineDataset({ classes, novel, palette, ...rest }: Definition): DatasetInfo {
  const names = splitNames(classes);
  const novelNames = new Set(splitNames(novel));
  const ids = names.map((_, id) => id);
  return {
    ...rest,
    classes: names,
    seen: ids.filter((id) => !novelNames.has(names[id]!)),
    novel: ids.filter((id) => novelNames.has(names[id]!)),
    palette: palette.trim().split(/\s+/).map(parseColour),
  };
}

function splitNames(text: string): string[] {
  return text.trim().split(/,\s+/);
}

function parseColour(hex: string): Rgb {
  const value = Number.parseInt(hex, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
