/** Writes ONNX models: the few messages of `onnx.proto` that a graph of float tensors needs, as protocol buffers. */

/** A tensor that is fed or fetched. */
export interface OnnxPort {
  name: string;
  shape: readonly number[];
}

/** A constant: float, or 64-bit whole numbers as shapes and indices are. */
export interface OnnxConstant extends OnnxPort {
  values: Float32Array | BigInt64Array;
}

/** Whole numbers, and floats as `{ float }`, since 1 may be either. */
export type OnnxAttribute = number | readonly number[] | { float: number };

export interface OnnxNode {
  op: string;
  /** Names of tensors. */
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** By default ONNX's own operators. */
  domain?: string;
}

export interface OnnxGraph {
  inputs: readonly OnnxPort[];
  outputs: readonly OnnxPort[];
  constants: readonly OnnxConstant[];
  /** In an order in which they can run. */
  nodes: readonly OnnxNode[];
}

/** Operators of onnxruntime itself, such as MultiHeadAttention. */
export const MICROSOFT = 'com.microsoft';
const IR_VERSION = 8;
/** The first set with LayerNormalization. */
const OPERATOR_SET = 17;

const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

/** The bytes of a `.onnx` file. */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  return message([
    whole(1, IR_VERSION),
    text(2, 'cascade-clip-webgpu'),
    nested(7, graphMessage(graph)),
    nested(8, [text(1, ''), whole(2, OPERATOR_SET)]),
    nested(8, [text(1, MICROSOFT), whole(2, 1)]),
  ]);
}

function graphMessage({ inputs, outputs, constants, nodes }: OnnxGraph): Uint8Array[] {
  return [
    ...nodes.map((node) => nested(1, nodeMessage(node))),
    text(2, 'graph'),
    ...constants.map((constant) => nested(5, constantMessage(constant))),
    ...inputs.map((port) => nested(11, portMessage(port))),
    ...outputs.map((port) => nested(12, portMessage(port))),
  ];
}

function nodeMessage({ op, inputs, outputs, attributes = {}, domain = '' }: OnnxNode): Uint8Array[] {
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => nested(5, attributeMessage(name, value))),
    text(7, domain),
  ];
}

function attributeMessage(name: string, value: OnnxAttribute): Uint8Array[] {
  if (typeof value === 'number') return [text(1, name), whole(3, value), whole(20, ATTRIBUTE_INT)];
  if ('float' in value) return [text(1, name), float(2, value.float), whole(20, ATTRIBUTE_FLOAT)];
  return [text(1, name), ...value.map((item) => whole(8, item)), whole(20, ATTRIBUTE_INTS)];
}

function constantMessage({ name, shape, values }: OnnxConstant): Uint8Array[] {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return [
    ...shape.map((size) => whole(1, size)),
    whole(2, values instanceof Float32Array ? FLOAT : INT64),
    text(8, name),
    field(9, raw),
  ];
}

function portMessage({ name, shape }: OnnxPort): Uint8Array[] {
  const sizes = shape.map((size) => nested(1, [whole(1, size)]));
  return [text(1, name), nested(2, [nested(1, [whole(1, FLOAT), nested(2, sizes)])])];
}

// protocol buffers: a field is its number and wire type, then a varint (0), four bytes (5) or counted bytes (2)

const encoder = new TextEncoder();

function whole(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(number << 3), ...varint(value)]);
}

function float(number: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return message([Uint8Array.from(varint((number << 3) | 5)), bytes]);
}

function text(number: number, value: string): Uint8Array {
  return field(number, encoder.encode(value));
}

function nested(number: number, parts: readonly Uint8Array[]): Uint8Array {
  return field(number, message(parts));
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return message([Uint8Array.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
}

/** Seven bits a byte, lowest first. Whole numbers below zero do not occur unless as attributes. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}

function message(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
