/**
 * The rows of each expert as a value of its own, for products with that expert's matrix. Rows that are only other rows
 * gathered in the experts' order never exist all at once: each expert's are gathered from where they come from.
 */
import { int } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";

/** How many rows each of `experts` experts has: counts i32 [experts]. */
export interface Groups {
  readonly counts: Value;
  readonly experts: number;
}

/** What the rows are wanted for: a product, or the gradient of its matrices. */
export type Use = "product" | "gradient";

type Parts = (groups: Groups, use: Use) => readonly Value[];

/** Says how to make the parts of `rows` without making `rows`. */
export function partsBy(onnx: OnnxGraph, rows: Value, parts: Parts): void {
  onnx.once(keyOf(rows), () => parts);
}

/** The parts of `rows`, one for each expert; an expert without tokens has no rows. */
export function partsOf(onnx: OnnxGraph, rows: Value, groups: Groups, use: Use): readonly Value[] {
  return onnx.once<Parts>(keyOf(rows), () => (asked) => split(onnx, rows, asked))(groups, use);
}

/** The same by copying: asked for twice, it is the same copy. */
export const split = (onnx: OnnxGraph, rows: Value, { counts, experts }: Groups): readonly Value[] =>
  onnx.once(`${rows} split by ${counts}`, () => {
    const sizes = onnx.once(`int64 ${counts}`, () => onnx.cast(counts, "int64"));
    return onnx.nodes("Split", experts, [rows, sizes], { axis: int(0) });
  });

const keyOf = (rows: Value): string => `parts of ${rows}`;
