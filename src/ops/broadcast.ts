/** How a smaller operand lies over a larger one, x [..., D]. */
import { type Shape, sameShape } from "../graph/graph.ts";

/** `same`: of x's own shape. `one`: [1], for all of x. `columns`: [D], for every row. `rows`: [..., 1], one a row. */
export type Broadcast = "same" | "one" | "columns" | "rows";

/** `undefined` where `small` is none of these over x. */
export function broadcast(small: Shape, x: Shape): Broadcast | undefined {
  if (sameShape(small, x)) return "same";
  if (x.length === 0) return undefined;
  if (sameShape(small, [1])) return "one";
  if (sameShape(small, x.slice(-1))) return "columns";
  return sameShape(small, [...x.slice(0, -1), 1]) ? "rows" : undefined;
}
