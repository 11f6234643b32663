/** A PTX module -> C++ for cuda_sim.h, in which every kernel is a function of its name. */
import { labelText, translated } from "./instructions.ts";
import { cType, Operands } from "./operands.ts";
import { type Entry, type Parameter, type PtxModule, parsePtx, type Variable } from "./parse.ts";

export function translatePtx(text: string): string {
  const module = parsePtx(text);
  const locals = module.entries.flatMap(({ body }) =>
    body.flatMap((s) => (s.kind === "variable" ? [s.variable] : [])),
  );
  const shared = new SharedMemory(module.dynamic);
  for (const variable of [...module.variables, ...locals])
    if (variable.space === "shared") shared.place(variable);
  const constants = module.variables.filter(({ space }) => space !== "shared");
  return [
    `#define STATIC_BYTES ${Math.max(1, shared.bytes)}`,
    '#include "ptx.h"',
    ...constants.map(constant),
    ...module.entries.flatMap(({ parameters }) => parameters.flatMap(struct)),
    ...module.entries.map((entry) => kernel(entry, module, shared)),
    `CUDASIM_MODULE(${module.entries.map(({ name }) => `cudasim::Entry<&${name}>::add(cudasim_module, "${name}");`).join(" ")})`,
    "",
  ].join("\n");
}

/** Where variables of shared memory lie: static ones one after the other, the dynamic ones all at DYNAMIC. */
class SharedMemory {
  readonly addresses = new Map<string, string>();
  bytes = 0;

  constructor(dynamic: readonly string[]) {
    for (const name of dynamic) this.addresses.set(name, "DYNAMIC");
  }

  place({ name, align, bits, count }: Variable): void {
    this.bytes = Math.ceil(this.bytes / align) * align;
    this.addresses.set(name, `${this.bytes}`);
    this.bytes += (bits / 8) * count;
  }
}

const constant = ({ name, align, bits, count, values = "" }: Variable): string =>
  `alignas(${align}) static const uint${bits}_t ${name}[${count}] = {${values}};`;

const structName = ({ name }: Parameter): string => `Struct_${name}`;
const struct = (p: Parameter): readonly string[] =>
  p.bytes === undefined ? [] : [`struct alignas(${p.align}) ${structName(p)} { char bytes[${p.bytes}]; };`];

function kernel(entry: Entry, module: PtxModule, shared: SharedMemory): string {
  const x = new Operands(
    entry,
    shared.addresses,
    module.variables.map(({ name }) => name),
  );
  const parameters = entry.parameters.map(
    (p) => `${p.bytes === undefined ? cType(p.type) : structName(p)} ${p.name}`,
  );
  const lines = entry.body.map((s) => {
    if (s.kind === "label") return labelText(s.name);
    if (s.kind === "brace") return s.sign;
    if (s.kind === "instruction") return translated(x, s.instruction);
    if (s.kind === "registers") return `${cType(s.type)} ${s.names.map((r) => x.variable(r)).join(", ")};`;
    const { space, name, align, bits, count } = s.variable;
    return space === "local" ? `alignas(${align}) uint${bits}_t ${name}[${count}];` : "";
  });
  const body = lines.map((line) => `  ${line}`).join("\n");
  return `extern "C" __global__ void ${entry.name}(${parameters.join(", ")}) {\n${body}\n}`;
}
