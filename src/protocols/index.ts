/** The evaluation protocols by their YAML names, and one of them as it is written into tables. */

import type { Corpus } from "../data/corpus.ts";
import { galore256 } from "./galore-256.ts";
import type { Metric } from "./metric.ts";
import { nextTokenAccuracy } from "./next-token-accuracy.ts";
import { packedV1 } from "./packed-v1.ts";
import type { Bounds, EvalProtocol, Slice } from "./protocol.ts";

export const protocols = {
  "packed-v1": packedV1,
  "galore-256": galore256,
  "next-token-accuracy": nextTokenAccuracy,
} as const satisfies Record<string, EvalProtocol>;

export type ProtocolName = keyof typeof protocols;
export type ProtocolSelection = { readonly name: ProtocolName } & Readonly<Record<string, unknown>>;

export const DEFAULT_PROTOCOL: ProtocolSelection = { name: "packed-v1" };

export function sliceOf(protocol: ProtocolSelection, corpus: Corpus, bounds: Bounds): Slice {
  const { name, ...params } = protocol;
  return (protocols[name] as EvalProtocol).slice(corpus, bounds, protocols[name].params.parse(params));
}

/** What is wrong with a protocol for a model that is trained on sequences of so many tokens. */
export function checkProtocol({ name, ...params }: ProtocolSelection, seqLen: number): string | undefined {
  return (protocols[name] as EvalProtocol).check?.(seqLen, params);
}

/** The numbers that a protocol gives, by name, in the order of tables. */
export const metricsOf = ({ name }: ProtocolSelection): Readonly<Record<string, Metric>> =>
  protocols[name].metrics;

/** Every number that some protocol gives. */
export const metrics: ReadonlyMap<string, Metric> = new Map(
  Object.values(protocols).flatMap((protocol) => Object.entries<Metric>(protocol.metrics)),
);

/** Its name, with the parameters that differ from the usual: `galore-256[plus_one=false]`. */
export function protocolLabel({ name, ...params }: ProtocolSelection): string {
  const usual: Readonly<Record<string, unknown>> = protocols[name].params.parse({});
  const own = Object.entries(params).filter(([key, value]) => value !== usual[key]);
  return own.length === 0 ? name : `${name}[${own.map(([key, value]) => `${key}=${value}`).join(",")}]`;
}
