/** Rotary embedding by ONNX Runtime's kernel, with the shared table as a constant; backwards with sin negated. */
import { type RopeAttrs, ropeTable } from "../../../ops/rope.ts";
import { int } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const rope: Lowering<RopeAttrs> = (onnx, { inputs: [t], attrs: { theta, inverse } }, [x]) => {
  const [batch, tokens, heads, d] = t!.shape as [number, number, number, number];
  const table = () => ropeTable(tokens, d, theta);
  const sign = inverse ? -1 : 1;
  const cos = onnx.floats(`cos ${theta}`, [tokens, d / 2], () => Float32Array.from(table().cos));
  const sin = onnx.floats(`sin ${theta} ${sign}`, [tokens, d / 2], () =>
    Float32Array.from(table().sin, (s) => sign * s),
  );

  const rows = onnx.node("Reshape", [x!, onnx.vector([batch, tokens, heads * d])]);
  const attributes = { num_heads: int(heads), rotary_embedding_dim: int(0), interleaved: int(0) };
  const y = onnx.node("com.microsoft:RotaryEmbedding", [rows, onnx.vector([0]), cos, sin], attributes);
  return [onnx.node("Reshape", [y, onnx.vector(t!.shape)])];
};
