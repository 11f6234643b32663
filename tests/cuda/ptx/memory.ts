/** Instructions that move: loads, stores, registers, addresses, atomic sums and asynchronous copies. */
import { has, last, one, spaceOf, type Translate } from "./instruction.ts";
import { bitsOf, cType, unsigned } from "./operands.ts";
import type { Instruction } from "./parse.ts";

const vectorOf = ({ parts }: Instruction): number =>
  Number(parts.find((p) => /^v\d$/.test(p))?.slice(1) ?? 1);

export const load: Translate = (x, i) => {
  const [type, space] = [last(i), spaceOf(i)];
  const names = x.list(i.operands[0]!);
  const call = space === "param" ? "load_param" : "load";
  const values = names.map((name, k) => x.assign(name, type, `v[${k}]`));
  return `${cType(type)} v[${vectorOf(i)}]; ${call}(v, ${x.address(i.operands[1]!, space)}); ${values.join(" ")}`;
};

export const store: Translate = (x, i) => {
  const type = last(i);
  const values = x.list(i.operands[1]!).map((name) => x.value(name, type));
  const to = x.address(i.operands[0]!, spaceOf(i));
  return `const ${cType(type)} v[${vectorOf(i)}] = {${values.join(", ")}}; store(${to}, v);`;
};

/** Between a register and a list of registers that together have its bits, the lowest first. */
export const move: Translate = (x, i) => {
  const [to, from] = i.operands as [string, string];
  const type = last(i);
  if (to.startsWith("{")) {
    const parts = x.list(to);
    const bits = bitsOf(type) / parts.length;
    const whole = `const uint64_t whole = ${x.value(from, unsigned(type))}; `;
    return (
      whole + parts.map((p, k) => x.assign(p, `u${bits}`, `(uint${bits}_t)(whole >> ${k * bits})`)).join(" ")
    );
  }
  if (from.startsWith("{")) {
    const parts = x.list(from);
    const bits = bitsOf(type) / parts.length;
    const whole = parts.map((p, k) => `(uint64_t)${x.value(p, `u${bits}`)} << ${k * bits}`).join(" | ");
    return x.assign(to, unsigned(type), `(${cType(unsigned(type))})(${whole})`);
  }
  return x.assign(to, type, x.value(from, type));
};

/** Generic addresses are this process's own, as are those of all memory but shared. */
export const convertAddress: Translate = (x, i) => {
  const [to, from] = i.operands as [string, string];
  if (!has(i, "shared")) return x.assign(to, "u64", x.value(from, "u64"));
  const value = has(i, "to")
    ? `shared_from(${x.value(from, "u64")})`
    : `(uint64_t)(uintptr_t)shared_at((uint32_t)${x.value(from, "u64")})`;
  return x.assign(to, "u64", value);
};

export const atomic =
  (returns: boolean): Translate =>
  (x, i) => {
    one(i, "add");
    const [to, at, value] = returns ? i.operands : ["_", ...i.operands];
    const type = last(i);
    return x.assign(
      to!,
      type,
      `atomic_add<${cType(type)}>(${x.address(at!, spaceOf(i))}, ${x.value(value!, type)})`,
    );
  };

export const copyAsync: Translate = (x, i) => {
  const [to, from, bytes, read = bytes!] = i.operands as [string, string?, string?, string?];
  if (has(i, "commit_group")) return "cudasim::cp_async_commit();";
  if (has(i, "wait_group")) return `cudasim::cp_async_wait(${to});`;
  return `cudasim::cp_async(${x.address(to, "shared")}, ${x.address(from!, "global")}, ${bytes}, ${x.value(read!, "u32")});`;
};
