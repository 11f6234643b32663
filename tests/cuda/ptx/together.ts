/** Instructions that threads carry out together: barriers, shuffles, votes, products of matrices. */
import { has, one, predicate, type Translate } from "./instruction.ts";

export const barrier: Translate = (x, i) => {
  const [a, count] = i.operands as [string, string?];
  if (has(i, "warp")) return `__syncwarp(${x.value(a, "u32")});`;
  const threads = count === undefined ? "cudasim::block->threads" : x.value(count, "u32");
  return `cudasim::barrier(${x.value(a, "u32")}, ${threads});`;
};

export const shuffle: Translate = (x, i) => {
  const [to, a, b, c, mask] = i.operands as [string, string, string, string, string];
  const mode = one(i, "up", "down", "bfly", "idx");
  const [value, inside] = to.split("|");
  const lane = `bool in; const int from = shuffled_lane(Shfl::${mode}, ${x.value(b, "u32")}, ${x.value(c, "u32")}, in);`;
  const got = `cudasim::shuffle<uint32_t>(${x.value(mask, "u32")}, ${x.value(a, "u32")}, "shfl.${mode}", from)`;
  return `${lane} ${x.assign(value!, "u32", got)}${inside === undefined ? "" : ` ${x.assign(inside, "pred", "in")}`}`;
};

export const vote: Translate = (x, i) => {
  const [to, of, mask] = i.operands as [string, string, string];
  const mode = one(i, "any", "all", "ballot");
  const asked = mode === "all" ? `!(${predicate(x, of)})` : predicate(x, of);
  const votes = `cudasim::ballot(${x.value(mask, "u32")}, ${asked}, "vote.${mode}")`;
  if (mode === "ballot") return x.assign(to, "u32", votes);
  return x.assign(to, "pred", `${votes} ${mode === "any" ? "!=" : "=="} 0`);
};

export const loadMatrices: Translate = (x, i) => {
  const names = x.list(i.operands[0]!);
  const call = `cudasim::ldmatrix(m, ${x.address(i.operands[1]!, "shared")}, ${names.length}, ${has(i, "trans")})`;
  return `uint32_t m[4]; ${call}; ${names.map((name, k) => x.assign(name, "u32", `m[${k}]`)).join(" ")}`;
};

const SHAPE = "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32";
export const multiplyMatrices: Translate = (x, i) => {
  if (i.parts.join(".") !== SHAPE) throw new Error(`PTX: ${i.text}`);
  const [d, a, b, c] = i.operands.map((operand) => x.list(operand)) as [
    string[],
    string[],
    string[],
    string[],
  ];
  const values = (names: readonly string[], type: string) =>
    names.map((name) => x.value(name, type)).join(", ");
  const factors = `const uint32_t a[4] = {${values(a, "u32")}}, b[2] = {${values(b, "u32")}};`;
  const sums = `const float c[4] = {${values(c, "f32")}}; float d[4];`;
  return `${factors} ${sums} cudasim::mma_m16n8k16(d, a, b, c); ${d.map((name, k) => x.assign(name, "f32", `d[${k}]`)).join(" ")}`;
};

/** Products of a warpgroup: `{d}, a, b, adds, 1, 1, [a transposed,] b transposed`, a being a descriptor or registers. */
export const warpgroup: Translate = (x, i) => {
  const what = one(i, "fence", "commit_group", "wait_group", "mma_async");
  if (what === "fence") return "";
  if (what === "commit_group") return "cudasim::wgmma_commit();";
  if (what === "wait_group") return `cudasim::wgmma_wait(${i.operands[0]});`;
  const shape = /^m64n(\d+)k16\.f32\.bf16\.bf16$/.exec(i.parts.slice(4).join("."));
  const [d, a, b, adds, ...more] = i.operands as [string, string, string, string, ...string[]];
  const inRegisters = a.startsWith("{");
  const [positive, alsoPositive, ...transposed] = more.map(Number);
  if (shape === null || positive !== 1 || alsoPositive !== 1) throw new Error(`PTX: ${i.text}`);
  const [downA, downB] = inRegisters ? [0, transposed[0]] : transposed;
  const sums = x.list(d).map((name) => `&${x.variable(name)}`);
  if (sums.length !== Number(shape[1]) / 2) throw new Error(`PTX: ${i.text}`);
  const left = inRegisters ? x.list(a).map((name) => x.value(name, "u32")) : ["0"];
  const of = [shape[1], inRegisters ? "0" : x.value(a, "u64"), x.value(b, "u64"), downA, downB];
  const kind = `cudasim::product_kind(${of.join(", ")}, ${predicate(x, adds)}, ${inRegisters})`;
  return `float* const d[] = {${sums.join(", ")}}; const uint32_t a[] = {${left.join(", ")}}; cudasim::wgmma(d, a, ${kind});`;
};

/** What was written to shared memory is made visible to the products of a warpgroup; other fences order nothing here. */
export const fence: Translate = (_, i) =>
  has(i, "proxy") ? "cudasim::block->current->unfenced = false;" : "";
