/** What the pieces of one model share while its graph is built: the builder, the config, and the list of parameters. */
import type { Learned } from "../equations/verbs.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Shape, Tensor } from "../graph/graph.ts";
import type { MatrixRole } from "../inits/roles.ts";
import type { Matrix, Parameter } from "./parameter.ts";
import type { BlockSpan } from "./recompute.ts";
import type { ModelConfig } from "./schema.ts";
import type { Site, Tap } from "./taps.ts";

/** One layer's router at work, for its losses: logits and p [N, E], counts i32 [E] of its top k. */
export interface Router {
  readonly layer: number;
  readonly logits: Tensor;
  readonly p: Tensor;
  readonly counts: Tensor;
}

/** What is said of a matrix that not every token uses whole. */
export type Share = Pick<Matrix, "expert" | "active" | "lookup">;

/** A number that changes from step to step: what it is at step t = 1, 2, ... */
export type AtStep = (t: number) => number;

export class ModelContext {
  readonly b: GraphBuilder;
  readonly model: ModelConfig;
  /** Sequences B and tokens per sequence T of this graph. */
  readonly batch: number;
  readonly seqLen: number;
  readonly parameters: Parameter[] = [];
  readonly routers: Router[] = [];
  readonly blocks: BlockSpan[] = [];
  /** Feeds of shape [1] that follow the step, by name. */
  readonly stepFeeds = new Map<string, AtStep>();
  readonly #stepTensors = new Map<string, Tensor>();
  readonly #declared = new Set<string>();
  readonly #observer: (tap: Tap) => void;

  constructor(
    b: GraphBuilder,
    model: ModelConfig,
    batch: number,
    seqLen: number,
    observer: (tap: Tap) => void = () => {},
  ) {
    this.b = b;
    this.model = model;
    this.batch = batch;
    this.seqLen = seqLen;
    this.#observer = observer;
  }

  /** Shows a value to whoever observes the model, and returns it. */
  tap(site: Site, value: Tensor, layer?: number): Tensor {
    this.#observer({ site, value, ...at(layer) });
    return value;
  }

  /** Shows each stream of a residual state. */
  tapStreams(site: "embed" | "block", streams: readonly Tensor[], layer?: number): void {
    streams.forEach((value, i) => {
      this.#observer({ site, value, ...at(layer), ...(i === 0 ? {} : { stream: i + 1 }) });
    });
  }

  /** Declares a learned matrix and returns it. */
  matrix(name: string, shape: Shape, role: MatrixRole, layer?: number, share: Share = { active: 1 }): Tensor {
    return this.#declare({ name, shape, role, ...at(layer), ...share });
  }

  /** Declares a learned vector or number and returns it. */
  vector(name: string, shape: Shape, { symbol: _, ...about }: Learned, layer?: number): Tensor {
    return this.#declare({ name, shape, active: 1, ...about, ...at(layer) });
  }

  /** A number [1] that follows the step. Asked for twice under one name, it is the same feed. */
  byStep(formula: string, value: AtStep): Tensor {
    const name = `step/${formula}`;
    if (this.stepFeeds.has(name)) return this.#stepTensors.get(name)!;
    const tensor = this.b.feed(name, [1]);
    this.stepFeeds.set(name, value);
    this.#stepTensors.set(name, tensor);
    return tensor;
  }

  /** A tensor declared twice, as by a norm that is applied twice, is one parameter. */
  #declare(parameter: Parameter): Tensor {
    if (!this.#declared.has(parameter.name)) this.parameters.push(parameter);
    this.#declared.add(parameter.name);
    return this.b.variable(parameter.name, parameter.shape, "weight");
  }
}

const at = (layer: number | undefined): Pick<Parameter, "layer"> => (layer === undefined ? {} : { layer });
