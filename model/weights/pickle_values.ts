/** What a pickle may hold here. Tuples and lists are arrays; dicts, plain or ordered, are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | PickleGlobal
  | PickleObject;

/** A class or function the pickle names. Only names the host allows come to be; nothing is ever run. */
export class PickleGlobal {
  /** Module and name joined by a dot, such as `torch._utils._rebuild_tensor_v2`. */
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** An instance of an allowed class: its attributes as plain data, without behaviour. */
export class PickleObject {
  readonly className: string;
  readonly attributes = new Map<PickleValue, PickleValue>();
  constructor(className: string) {
    this.className = className;
  }
}

/** What the reader of a kind of file allows and how it understands it. */
export interface PickleHost {
  /** Whether the pickle may name this class or function at all. */
  allows(name: string): boolean;
  /** The result of calling an allowed name. Throws an Error with the problem for arguments that do not fit. */
  call(name: string, args: PickleValue[]): PickleValue;
  /** The object behind a persistent id. Throws an Error with the problem for one it does not know. */
  persistent(id: PickleValue): PickleValue;
}
