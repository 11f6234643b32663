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

/** What the rows are wanted for: a matmul, or the gradient of its matrices. */
export type Use = "matmul" | "gradient";

/** A matrix's parts, and the counts of their rows. */
export interface Joined {
  readonly parts: readonly Value[];
  readonly counts: Value;
}

type Parts = (groups: Groups, use: Use) => readonly Value[];

/** Says how to make the parts of `rows` without making `rows`. */
export function partsBy(onnx: OnnxGraph, rows: Value, parts: Parts): void {
  onnx.once(keyOf(rows), () => parts);
}

/** The parts of `rows`, one for each expert; an expert without tokens has no rows. */
export function partsOf(onnx: OnnxGraph, rows: Value, groups: Groups, use: Use): readonly Value[] {
  return onnx.once<Parts>(keyOf(rows), () => (asked) => split(onnx, rows, asked))(groups, use);
}

/** One matrix of what was made for each expert, whose parts stay at hand. */
export function joined(onnx: OnnxGraph, parts: readonly Value[], groups: Groups): Value {
  const rows = onnx.node("Concat", parts, { axis: int(0) });
  onnx.once<Joined>(`joined ${rows}`, () => ({ parts, counts: groups.counts }));
  partsBy(onnx, rows, (asked) => (asked.counts === groups.counts ? parts : split(onnx, rows, asked)));
  return rows;
}

/** The parts of matrices that were all joined by the same counts. */
export function joinedOf(onnx: OnnxGraph, matrices: readonly Value[]): readonly Joined[] | undefined {
  const found = matrices.flatMap((rows) => onnx.made<Joined>(`joined ${rows}`) ?? []);
  const together = found.length === matrices.length && found.every((j) => j.counts === found[0]!.counts);
  return together ? found : undefined;
}

/** What `make` makes of rows one by one: of all rows, and where their parts are asked for, of each part for itself. */
export function rowByRow(
  onnx: OnnxGraph,
  inputs: readonly Value[],
  make: (rows: readonly Value[]) => readonly Value[],
): readonly Value[] {
  const whole = make(inputs);
  const made = (groups: Groups) =>
    onnx.once(`${whole[0]} in parts by ${groups.counts}`, () => {
      const parts = inputs.map((x) => partsOf(onnx, x, groups, "matmul"));
      return parts[0]!.map((_, e) => make(parts.map((list) => list[e]!)));
    });
  whole.forEach((rows, i) => {
    partsBy(onnx, rows, (groups) => made(groups).map((outputs) => outputs[i]!));
  });
  return whole;
}

/** The same by copying: asked for twice, it is the same copy. */
export const split = (onnx: OnnxGraph, rows: Value, { counts, experts }: Groups): readonly Value[] =>
  onnx.once(`${rows} split by ${counts}`, () => {
    const sizes = onnx.once(`int64 ${counts}`, () => onnx.cast(counts, "int64"));
    return onnx.nodes("Split", experts, [rows, sizes], { axis: int(0) });
  });

const keyOf = (rows: Value): string => `parts of ${rows}`;
