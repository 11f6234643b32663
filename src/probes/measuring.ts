/** Probes at work in one graph: what they add to it, and what its runs say, accumulated over the micro-batches of a step. */
import { size, type Tensor } from "../graph/graph.ts";
import type { ModelConfig } from "../model/schema.ts";
import type { Observe } from "../model/taps.ts";
import type { ActiveProbe } from "./active.ts";
import type { ProbeName } from "./index.ts";
import type { Accumulation, Measurement, ProbeGraph, Reading, StepFacts, TableRows } from "./probe.ts";

/** What a graph's run gives, by output. */
type Outputs = Readonly<Record<string, ArrayLike<number>>>;

export interface Measuring {
  /** To be handed to the one graph it is for. */
  readonly observe: Observe;
  /** Forgets the step before. */
  begin(): void;
  /** Adds what a run of the graph said of one micro-batch. */
  add(outputs: Outputs): void;
  /** The rows of a probe, which was given, for the step so far. */
  rows(probe: Pick<ActiveProbe, "name">, step: StepFacts): TableRows;
}

export function measuring(active: readonly ActiveProbe[], model: ModelConfig): Measuring {
  const accumulators = new Map<string, Accumulator>();
  const measurements = new Map<ProbeName, Measurement>();
  let microBatches = 0;

  const start = (probe: ActiveProbe, graph: Omit<ProbeGraph, "model" | "output">, output: OutputTo) => {
    const own = (value: Tensor, over: Accumulation): Reading => {
      const name = `${probe.name}/${accumulators.size}`;
      const accumulator = new Accumulator(size(value.shape), over, () => microBatches);
      accumulators.set(name, accumulator);
      output(name, value);
      return accumulator;
    };
    const measurement = probe.probe.measure({ ...graph, model, output: own }, probe.params);
    measurements.set(probe.name, measurement);
    return measurement;
  };

  return {
    observe({ emit, gradient, output }) {
      const started = active.map((probe) => start(probe, { emit, gradient }, output));
      return (tap) => {
        for (const measurement of started) measurement.tap?.(tap);
      };
    },
    begin() {
      microBatches = 0;
      for (const accumulator of accumulators.values()) accumulator.reset();
    },
    add(outputs) {
      microBatches++;
      for (const [name, accumulator] of accumulators) accumulator.add(outputs[name]!);
    },
    rows: ({ name }, step) => measurements.get(name)!.rows(step),
  };
}

type OutputTo = (name: string, value: Tensor) => void;

class Accumulator implements Reading {
  readonly #sum: Float64Array;
  readonly #over: Accumulation;
  readonly #count: () => number;

  constructor(elements: number, over: Accumulation, count: () => number) {
    this.#sum = new Float64Array(elements);
    this.#over = over;
    this.#count = count;
    this.reset();
  }

  reset(): void {
    this.#sum.fill(this.#over === "max" ? -Infinity : 0);
  }

  add(values: ArrayLike<number>): void {
    for (let i = 0; i < this.#sum.length; i++) {
      const [before, x] = [this.#sum[i]!, values[i]!];
      this.#sum[i] = this.#over === "max" ? Math.max(before, x) : before + x;
    }
  }

  get values(): Float64Array {
    const n = this.#over === "mean" ? Math.max(1, this.#count()) : 1;
    return this.#sum.map((x) => x / n);
  }

  get value(): number {
    return this.values[0]!;
  }
}
