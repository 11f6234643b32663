import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { listParameters } from "../../../src/model/graphs.ts";
import { moeSchema } from "../../../src/model/schema.ts";
import {
  type GroupSelection,
  groupOf,
  isDecayed,
  parameterGroups,
  stateElements,
} from "../../../src/optim/groups.ts";
import { optimizers } from "../../../src/optim/index.ts";
import { nano } from "../../conformance/nano.ts";

const params = optimizers.adamw.params.parse({});
const group = (fields: Partial<GroupSelection> = {}): GroupSelection => ({
  name: "adamw",
  ...params,
  lr_factor: 1,
  ...fields,
});

/** How many of a model's parameters each group takes. */
function taken(model: typeof nano, ...list: readonly GroupSelection[]): readonly string[][] {
  const groups = parameterGroups(list);
  const of = groupOf(groups);
  const parameters = listParameters({ model, norm: { name: "hybrid" } });
  return groups.map((each) => parameters.filter((p) => of(p) === each).map(({ name }) => name));
}

test("one optimizer is one group that takes everything, with its own numbers", () => {
  const [only, ...others] = parameterGroups({ name: "adam", ...optimizers.adam.params.parse({ eps: 1 }) });
  expect(others).toEqual([]);
  expect(only).toMatchObject({ name: "adam", lrFactor: 1, roles: [], patterns: [] });
  expect(only!.params).toEqual({ beta1: 0.9, beta2: 0.999, eps: 1, weight_decay: 0 });
  expect(groupOf([only!])({ name: "anything", role: "any" })).toBe(only);
});

test("a group takes what has one of its roles or matches one of its patterns", () => {
  const [first, rest] = taken(
    nano,
    group({ roles: ["q"], params: ["*.0.ffn.gate.*", "head.weight"] }),
    group(),
  );
  expect(first).toEqual([
    "blocks.0.attn.q.weight",
    "blocks.0.ffn.gate.weight",
    "blocks.1.attn.q.weight",
    "head.weight",
  ]);
  expect(rest).toContain("blocks.1.ffn.gate.weight");
});

test("of groups that overlap, the first takes it", () => {
  const [attention, all, rest] = taken(
    nano,
    group({ params: ["*.attn.*"] }),
    group({ params: ["blocks.*"] }),
    group(),
  );
  expect(attention).toContain("blocks.0.attn.q_norm.weight");
  expect(all).toContain("blocks.0.ffn.up.weight");
  expect(all!.some((name) => name.includes("attn."))).toBe(false);
  expect(rest).toEqual(["embed.weight", "final_norm.weight", "head.weight"]);
});

test("a tied embedding is an embedding, and there is no head", () => {
  const tied = { ...nano, tie_embeddings: true };
  expect(
    taken(tied, group({ roles: ["head"] }), group({ roles: ["embedding"] }), group()).slice(0, 2),
  ).toEqual([[], ["embed.weight"]]);
});

test("experts are taken by their roles, with a dense layer's, or by name apart from what all tokens share", () => {
  const moe = { ...nano, moe: moeSchema.parse({ n_experts: 3, top_k: 1, shared_expert: 5 }) };
  const [ups] = taken(moe, group({ roles: ["up"] }), group());
  expect(ups!.length).toBe(2 * (3 + 1));
  const [experts, router] = taken(
    moe,
    group({ params: ["*.experts.*"] }),
    group({ roles: ["router"] }),
    group(),
  );
  expect(experts!.length).toBe(2 * 3 * 3);
  expect(router).toEqual(["blocks.0.moe.router.weight", "blocks.1.moe.router.weight"]);
});

test("every parameter is of exactly one group, whatever the groups", () => {
  const parameters = listParameters({ model: nano, norm: { name: "sandwich" } });
  const roles = fc.subarray([...new Set(parameters.map(({ role }) => role))], { minLength: 1 });
  const patterns = fc.array(fc.constantFrom("*.attn.*", "blocks.0.*", "*norm*", "head.weight", "no such"), {
    minLength: 1,
  });
  const fields = fc.oneof(
    fc.record({ roles }),
    fc.record({ params: patterns }),
    fc.record({ roles, params: patterns }),
  );
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 4 }), (some) => {
      const names = taken(nano, ...some.map(group), group());
      expect(names.flat().toSorted()).toEqual(
        listParameters({ model: nano, norm: { name: "hybrid" } })
          .map(({ name }) => name)
          .toSorted(),
      );
    }),
  );
});

describe("weight decay", () => {
  test("spares the roles of no_decay, and the parameters that never take any", () => {
    expect(isDecayed({ role: "q" }, ["embedding"])).toBe(true);
    expect(isDecayed({ role: "embedding" }, ["embedding"])).toBe(false);
    expect(isDecayed({ role: "q", decays: false }, [])).toBe(false);
    expect(isDecayed({ role: "q", decays: true }, ["q"])).toBe(false);
  });
});

test("Adam keeps two numbers for each of a parameter's", () => {
  expect(stateElements(parameterGroups([group()])[0]!, [3, 5])).toBe(30);
  expect(Object.keys(optimizers.adam.state([1], params))).toEqual(["m", "v"]);
});
