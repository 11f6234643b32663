/** Attributes of ONNX nodes, encoded with the type code that the format asks for beside each value. */
import { field, floatField, intField, intsField, type Piece } from "./proto.ts";

export type Attribute = (name: string) => Piece;
export type Attributes = Readonly<Record<string, Attribute>>;

const attribute =
  (type: number, value: Piece): Attribute =>
  (name) =>
    field(5, [field(1, name), value, intField(20, type)]);

export const float = (value: number): Attribute => attribute(1, floatField(2, value));
export const int = (value: number | boolean): Attribute => attribute(2, intField(3, Number(value)));
export const text = (value: string): Attribute => attribute(3, field(4, value));
export const ints = (values: readonly number[]): Attribute => attribute(7, intsField(8, values));
/** An `OnnxGraph`, as far as it is one here. */
export const graph = (body: { graphProto(): Piece }): Attribute => attribute(5, field(6, body.graphProto()));
