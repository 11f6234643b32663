/** Squared norms, the factor of clipping, and Adam's step: of one tensor, or of many (fuse/multi-tensor.ts) in few launches. */
import type { AdamAttrs } from "../../../ops/adam-update.ts";
import type { ClipAttrs } from "../../../ops/clip-coefficient.ts";
import { type BufferView, exactly } from "../memory/buffer.ts";
import { BLOCK, elementwise, typeOf } from "./launches.ts";
import { f32, i32, type Lowering } from "./lowering.ts";
import { addresses, alike, batches } from "./tensors.ts";

/** Enough blocks to read memory at full rate; their number fixes the order of the sum. */
const MOST_PARTS = 1024;
const partsOf = (elements: number): number => Math.min(elementwise(elements), MOST_PARTS);
/** Tensors of one launch: what its parameters have room for, 32 at a time. */
const MOST_SUMS = 128;

export const sumSquares: Lowering<Readonly<Record<never, never>>> = {
  reads: ({ inputs }) => inputs.map(() => "stored" as const),
  writes: ({ outputs }) => outputs.map(() => "f32" as const),
  lower(ctx, { inputs, outputs }) {
    const tensors = inputs.map((t, i) => ({ x: ctx.view(t), sum: ctx.view(outputs[i]!) }));
    for (const group of alike(tensors, ({ x }) => x.storage)) {
      const define = { MOST: MOST_SUMS, X: typeOf(group[0]!.x) };
      const cut = batches(ctx, group, MOST_SUMS, ({ x }) => x.elements, partsOf);
      const parts = ctx.scratch("f32", Math.max(...cut.map(({ blocks }) => blocks)));
      for (const { members, table, blocks } of cut) {
        const [x, rest] = pairs(members.map((member) => exactly(member.x)));
        const sums = members.map(({ sum }) => sum);
        const launch = { file: "squares.cu", define, block: BLOCK };
        const xs = [addresses(MOST_SUMS, x), addresses(MOST_SUMS, rest)];
        ctx.launch({ ...launch, kernel: "squares", grid: blocks, args: [...xs, table, parts] });
        const args = [parts, table, addresses(MOST_SUMS, sums)];
        ctx.launch({ ...launch, kernel: "totals", grid: members.length, args });
      }
    }
  },
};

/** Squared norms that one launch of clipCoefficient adds up. */
const MOST_NORMS = 384;

export const clipCoefficient: Lowering<ClipAttrs> = {
  reads: ({ inputs }) => inputs.map(() => "f32" as const),
  writes: () => ["f32"],
  lower(ctx, { inputs, outputs: [c], attrs: { maxNorm } }) {
    const sum = ctx.scratch("f32", 1);
    for (let first = 0; first < inputs.length; first += MOST_NORMS) {
      const squares = inputs.slice(first, first + MOST_NORMS).map((t) => ctx.view(t));
      const last = first + MOST_NORMS >= inputs.length;
      ctx.launch({
        file: "clip-coefficient.cu",
        kernel: "clipCoefficient",
        define: { MOST: MOST_NORMS },
        grid: 1,
        block: BLOCK,
        args: [
          addresses(MOST_NORMS, squares),
          i32(squares.length),
          i32(first === 0 ? 1 : 0),
          sum,
          last ? ctx.view(c!) : null,
          f32(maxNorm),
        ],
      });
    }
  },
};

const ADAM_READS = ["stored", "any", "any", "any", "f32", "f32"] as const;
/** Tensors of one launch: nine addresses each. */
const MOST_UPDATES = 32;

export const adamUpdate: Lowering<AdamAttrs> = {
  reads: ({ inputs }) => inputs.map((_, i) => ADAM_READS[i % ADAM_READS.length]!),
  writes: ({ outputs }) =>
    outputs.map(({ dtype }, i) => (i % 3 === 0 ? { like: (i / 3) * ADAM_READS.length } : dtype)),
  inPlace: true,
  lower(ctx, { inputs, outputs, attrs: { beta1, beta2, eps, weightDecay, decoupled } }) {
    const [from, to] = [inputs, outputs].map((ts) => ts.map((t) => ctx.view(t)));
    const [clip, rates] = from!.slice(4);
    const tensors = Array.from({ length: outputs.length / 3 }, (_, i) => {
      const read = i * ADAM_READS.length;
      const [p, g, m, v] = from!.slice(read, read + 4) as [BufferView, BufferView, BufferView, BufferView];
      const [newP, newM, newV] = to!.slice(3 * i, 3 * i + 3) as [BufferView, BufferView, BufferView];
      return { p, g, m, v, newP, newM, newV };
    });
    const typesOf = ({ p, g, m }: (typeof tensors)[number]) => ({ P: typeOf(p), G: typeOf(g), M: typeOf(m) });
    for (const group of alike(tensors, (tensor) => JSON.stringify(typesOf(tensor)))) {
      for (const { members, table, blocks } of batches(
        ctx,
        group,
        MOST_UPDATES,
        ({ p }) => p.elements,
        elementwise,
      )) {
        const [p, rest] = pairs(members.map((tensor) => exactly(tensor.p)));
        const [newP, newRest] = pairs(members.map((tensor) => exactly(tensor.newP)));
        const each = (name: "g" | "m" | "v" | "newM" | "newV") => members.map((tensor) => tensor[name]);
        const columns = [p, rest, each("g"), each("m"), each("v"), newP, newRest, each("newM"), each("newV")];
        ctx.launch({
          file: "adam-update.cu",
          kernel: "adamUpdate",
          define: { MOST: MOST_UPDATES, ...typesOf(members[0]!), ...(decoupled ? { DECOUPLED: 1 } : {}) },
          grid: blocks,
          block: BLOCK,
          args: [
            ...columns.map((column) => addresses(MOST_UPDATES, column)),
            table,
            clip!,
            rates!,
            // 1 - beta in f64 first: in f32 the difference would lose bits.
            ...[beta1, beta2, 1 - beta1, 1 - beta2, eps, weightDecay].map(f32),
          ],
        });
      }
    }
  },
};

const pairs = <A, B>(items: readonly (readonly [A, B])[]): readonly [readonly A[], readonly B[]] => [
  items.map(([a]) => a),
  items.map(([, b]) => b),
];
