/** What the pieces of one model share while its graph is built: the builder, the config, and the list of parameters. */
import type { GraphBuilder } from "../graph/builder.ts";
import type { Shape, Tensor } from "../graph/graph.ts";
import { center } from "../ops/center.ts";
import { rmsNorm } from "../ops/rms-norm.ts";
import type { Parameter, Role } from "./parameter.ts";
import type { BlockSpan } from "./recompute.ts";
import type { ModelConfig } from "./schema.ts";

/** One layer's router at work, for its losses and probes: logits and p [N, E], counts i32 [E] of its top k. */
export interface Router {
  readonly layer: number;
  readonly logits: Tensor;
  readonly p: Tensor;
  readonly counts: Tensor;
}

/** What is said of a parameter that not every token uses whole. */
export type Share = Pick<Parameter, "expert" | "active">;

export class ModelContext {
  readonly b: GraphBuilder;
  readonly model: ModelConfig;
  /** Sequences B and tokens per sequence T of this graph. */
  readonly batch: number;
  readonly seqLen: number;
  readonly parameters: Parameter[] = [];
  readonly routers: Router[] = [];
  readonly blocks: BlockSpan[] = [];

  constructor(b: GraphBuilder, model: ModelConfig, batch: number, seqLen: number) {
    this.b = b;
    this.model = model;
    this.batch = batch;
    this.seqLen = seqLen;
  }

  /** Declares a learned tensor and returns it. */
  parameter(name: string, shape: Shape, role: Role, layer?: number, share: Share = { active: 1 }): Tensor {
    this.parameters.push({ name, shape, role, ...(layer === undefined ? {} : { layer }), ...share });
    return this.b.variable(name, shape, "weight");
  }

  /** A learned norm over the last axis: RMSNorm, or LayerNorm as RMSNorm of the centered value. */
  norm(name: string, x: Tensor, layer?: number): Tensor {
    const { norm_eps, norm_type } = this.model;
    const gain = this.parameter(name, [x.shape.at(-1)!], "norm", layer);
    const input = norm_type === "layernorm" ? center(this.b.emit, x) : x;
    return rmsNorm(this.b.emit, input, gain, norm_eps);
  }
}
