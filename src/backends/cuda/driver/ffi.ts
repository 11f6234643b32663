/** Calls into native libraries, through koffi: the only file that knows it. Signatures are data, and typed by it. */
import type koffi from "koffi";
import { GpuUnavailable } from "./failures.ts";

/** `u64`: sizes, handles and addresses, all below 2^53. `memory`: bytes of ours, for the length of the call. */
export type CType = "int" | "uint" | "u64" | "float" | "string" | "strings" | "memory";
export type Signature = readonly [result: CType, ...parameters: CType[]];
export type Signatures = Readonly<Record<string, Signature>>;

interface JsTypes {
  readonly int: number;
  readonly uint: number;
  readonly u64: number;
  readonly float: number;
  readonly string: string;
  readonly strings: readonly string[];
  readonly memory: ArrayBufferView | null;
}
type Args<S extends Signature> = S extends readonly [CType, ...infer P extends readonly CType[]]
  ? { readonly [I in keyof P]: JsTypes[P[I]] }
  : never;

/** A library's functions by name. */
export type Bound<S extends Signatures> = {
  readonly [N in keyof S]: (...args: Args<S[N]>) => JsTypes[S[N][0]];
};

const KOFFI_TYPES: Readonly<Record<CType, string>> = {
  int: "int",
  uint: "unsigned int",
  u64: "uint64_t",
  float: "float",
  string: "const char *",
  strings: "const char **",
  memory: "void *",
};

export interface NativeLibrary {
  /** As it was asked for: a path, or a name that the system's loader resolved. */
  readonly path: string;
  /** Throws a GpuUnavailable where the library has no such function. */
  bind<const S extends Signatures>(signatures: S): Bound<S>;
}

/** Memory outside JavaScript's heap: it stays where it is. */
export interface NativeMemory {
  readonly address: number;
  readonly bytes: ArrayBuffer;
  free(): void;
}

export interface Ffi {
  /** Throws what the loader says. */
  open(path: string): NativeLibrary;
  allocate(bytes: number): NativeMemory;
  /** Memory that someone else allocated, as bytes. */
  view(address: number, bytes: number): ArrayBuffer;
  /** The C string at an address. */
  text(address: number): string;
}

/** Throws a GpuUnavailable where koffi is missing or has nothing for this platform. */
export async function loadFfi(): Promise<Ffi> {
  try {
    const koffi = (await import("koffi")).default;
    enlarge(koffi);
    return ffi(koffi);
  } catch (cause) {
    throw new GpuUnavailable(
      `the package koffi does not load: ${(cause as Error).message.split("\n")[0]}`,
      "run `npm ci` in hnorm's folder, without --omit=optional",
    );
  }
}

/** What a thread's stack has as a rule, and more: koffi's calls run on one of its own, of 2 MiB. */
const STACK_BYTES = 16 * 2 ** 20;

function enlarge(native: typeof koffi): void {
  try {
    native.config({ ...native.config(), sync_stack_size: STACK_BYTES });
  } catch {
    // A library is loaded already, for which it was enlarged, or was not: then it stays as it is.
  }
}

/** Libraries stay loaded as long as the process: some need others that nothing in JavaScript refers to. */
const loaded: unknown[] = [];

const ffi = (native: typeof koffi): Ffi => ({
  open(path) {
    const library = native.load(path);
    loaded.push(library);
    return {
      path,
      bind<const S extends Signatures>(signatures: S) {
        const functions = Object.entries(signatures).map(([name, [result, ...parameters]]) => {
          try {
            return [
              name,
              library.func(
                name,
                KOFFI_TYPES[result],
                parameters.map((p) => KOFFI_TYPES[p]),
              ),
            ];
          } catch {
            throw new GpuUnavailable(`${path} has no function ${name}`, "it is too old: install a newer one");
          }
        });
        return Object.fromEntries(functions) as Bound<S>;
      },
    };
  },
  allocate(bytes) {
    const pointer = native.alloc("uint8_t", bytes);
    const address = Number(native.address(pointer));
    return { address, bytes: native.view(pointer, bytes), free: () => native.free(pointer) };
  },
  view: (address, bytes) => native.view(BigInt(address), bytes),
  text: (address) => native.decode(BigInt(address), "char", -1),
});

/** Room for one value that a call writes: a handle, an address, a size. */
export function receive(call: (out: BigUint64Array) => unknown): number {
  const out = new BigUint64Array(1);
  call(out);
  return Number(out[0]);
}

/** The same for a 32-bit integer. */
export function receiveInt(call: (out: Int32Array) => unknown): number {
  const out = new Int32Array(1);
  call(out);
  return out[0]!;
}
