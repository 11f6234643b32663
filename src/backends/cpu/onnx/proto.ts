/** Just enough of protobuf's wire format to write an ONNX model: varints, fixed 32-bit floats, nested messages. */

/** An encoded message body, as the pieces it is made of (joined once, at the end). */
export type Piece = Uint8Array | readonly Piece[];

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** A non-negative integer, seven bits a byte, lowest first. */
function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return bytes;
}

/** int64 as protobuf has it: negative numbers are ten bytes of two's complement. */
function int64(value: number): readonly number[] {
  if (value >= 0) return varint(value);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return bytes;
}

const tag = (field: number, wire: number): readonly number[] => varint(field * 8 + wire);

export const intField = (field: number, value: number): Piece =>
  Uint8Array.from([...tag(field, VARINT), ...int64(value)]);

export function floatField(field: number, value: number): Piece {
  return [Uint8Array.from(tag(field, FIXED32)), new Uint8Array(Float32Array.of(value).buffer)];
}

/** Bytes, text or a nested message: all of them are a length and the content. */
export function field(number: number, content: Piece | string): Piece {
  const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return [Uint8Array.from([...tag(number, BYTES), ...varint(lengthOf(body))]), body];
}

/** Several integers in one field. */
export const intsField = (number: number, values: readonly number[]): Piece =>
  field(number, Uint8Array.from(values.flatMap(int64)));

const isBytes = (piece: Piece): piece is Uint8Array => piece instanceof Uint8Array;

const lengthOf = (piece: Piece): number =>
  isBytes(piece) ? piece.length : piece.reduce((sum, part) => sum + lengthOf(part), 0);

/** All pieces in one array. */
export function join(piece: Piece): Uint8Array {
  const bytes = new Uint8Array(lengthOf(piece));
  let at = 0;
  const write = (part: Piece): void => {
    if (isBytes(part)) {
      bytes.set(part, at);
      at += part.length;
    } else part.forEach(write);
  };
  write(piece);
  return bytes;
}
