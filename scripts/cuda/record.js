// Everything about engine cuda that only a GPU can tell, in one go: is it right, how fast are its kernels, how fast is
// a training step, and how fast is PyTorch's on the same machine (the two in turn, A B A B). Writes one JSON record.
//
//     node scripts/cuda/record.js --out record.json [--parts machine,ops,...] [--presets dense-1.2b,...] [--rounds 2]
//
// Each part is a process of its own with a time limit: one that fails or hangs costs no other, what it had found by then
// is kept, and the record is written anew after each. --budget: seconds for all of them; what does not fit is left out.
// To look for the cause of a failure: --parts memcheck,racecheck runs every op under NVIDIA's compute-sanitizer.
// It needs dist/ (`npm run build`), and a Python with torch for the baseline.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { machine, smi } from "./record/machine.js";
import { kernels, limits } from "./record/micro.js";
import { curve, gradients } from "./record/models.js";
import { ops } from "./record/ops.js";
import { warpgroups } from "./record/warpgroups.js";
import { inDist } from "./samples.js";

const here = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));
const CHILDREN = { machine, warpgroups, ops, gradients, curve, limits, kernels };
const ATTENTION = join(dirname(here), "attention.py");
const TORCH = join(root, "scripts", "baseline", "torch_cuda.py");

const { values: o } = parseArgs({
  options: {
    out: { type: "string", default: "record.json" },
    parts: { type: "string", default: "machine,warpgroups,ops,gradients,curve,limits,kernels,steps" },
    presets: { type: "string", default: "dense-1.2b,dense-550m,llama-71m" },
    rounds: { type: "string", default: "2" },
    steps: { type: "string", default: "10" },
    norm: { type: "string", default: "pre" },
    /** Sequences per pass, by preset. */
    "micro-batch": { type: "string", default: "dense-1.2b=8,dense-550m=8,llama-71m=128" },
    "micro-batches": { type: "string", default: "2" },
    python: { type: "string", default: "python3" },
    "no-torch": { type: "boolean", default: false },
    /** Seconds a part may take. */
    limit: { type: "string", default: "240" },
    /** Seconds all parts together may take. */
    budget: { type: "string", default: "1e9" },
    /** Tiny shapes: to try the script itself where there is no GPU. */
    small: { type: "boolean", default: false },
    child: { type: "string" },
  },
});

if (o.child !== undefined) {
  const tell = (result) => writeFileSync(3, `${JSON.stringify(result)}\n`);
  tell(await CHILDREN[o.child]({ small: o.small, tell }));
  process.exit(0);
}

const ends = Date.now() + 1000 * Number(o.budget);
/** Less than this is not enough to begin anything. */
const SHORTEST_S = 10;

/**
 * A process's JSON: the last line it wrote to descriptor 3, or printed. Of one that ends badly that is what it had so
 * far, and beside it what went wrong. `keep`: what it said is wanted in any case.
 */
function child(command, args, { limit = Number(o.limit), env = {}, keep = false } = {}) {
  const started = Date.now();
  const seconds = Math.min(limit, (ends - started) / 1000);
  if (seconds < SHORTEST_S) return { seconds: 0, failed: "no time was left", said: "" };
  return new Promise((resolve) => {
    const process_ = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const texts = ["", "", "", ""];
    for (const fd of [1, 2, 3])
      process_.stdio[fd].on("data", (data) => {
        texts[fd] += data;
      });
    let late = false;
    const killer = setTimeout(() => {
      late = true;
      process_.kill("SIGKILL");
    }, seconds * 1000);
    process_.on("error", (error) => {
      texts[2] += error.message;
    });
    process_.on("close", (code, signal) => {
      clearTimeout(killer);
      const result = {
        seconds: (Date.now() - started) / 1000,
        ...(lastJson(texts[3]) ?? lastJson(texts[1])),
      };
      const found = Object.keys(result).length > 1;
      const said = middleCut(`${texts[2]}\n${texts[1]}`.trim());
      if (code === 0 && found) return resolve(keep ? { ...result, said } : result);
      const failed = late
        ? `took over ${seconds.toFixed(0)} s`
        : signal
          ? `ended by ${signal}`
          : `exit ${code}`;
      resolve({ ...result, failed, said, ...kernelLog() });
    });
  });
}

/** The last line that is JSON: one that was being written when the process ended is not. */
function lastJson(text) {
  for (const line of text.trim().split("\n").reverse()) {
    try {
      const value = JSON.parse(line);
      if (typeof value === "object") return value;
    } catch {
      // the one before it
    }
  }
  return undefined;
}

/** A compiler's first error stands at the beginning, an exception at the end. */
const middleCut = (text, most = 6000) =>
  text.length <= most ? text : `${text.slice(0, most / 2)}\n[...]\n${text.slice(-most / 2)}`;

/** What NVIDIA's kernel module said last (Xid), where that may be read. */
function kernelLog() {
  const { status, stdout } = spawnSync("dmesg", [], { encoding: "utf8", timeout: 5000 });
  const lines = status === 0 ? stdout.split("\n").filter((line) => /xid|nvrm/i.test(line)) : [];
  return lines.length === 0 ? {} : { kernel_log: lines.slice(-5) };
}

const record = {
  what: "hnorm engine cuda",
  date: new Date().toISOString(),
  commit: commit(),
  options: o,
  parts: {},
};

function commit() {
  const noted = join(root, "COMMIT");
  if (existsSync(noted)) return readFileSync(noted, "utf8").trim();
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
}

function save() {
  mkdirSync(dirname(resolvePath(o.out)), { recursive: true });
  writeFileSync(o.out, `${JSON.stringify(record, null, 1)}\n`);
}

const own = (name) => [here, "--child", name, ...(o.small ? ["--small"] : [])];

async function hnormStep(preset, rows) {
  const tiny = ["model.n_layers=2", "model.seq_len=16", "model.vocab_size=96", "model.d_model=32"];
  const less = [...tiny, "model.n_heads=2", "model.n_kv_heads=1", "model.ffn_dim=48"];
  return child(process.execPath, [
    ...[join(root, "bin", "hnorm.js"), "bench", "--engine", "cuda", "--preset", preset, "--norm", o.norm],
    ...["--micro-batch", rows, "--micro-batches", o["micro-batches"], "--steps", o.steps, "--json"],
    ...(o.small ? less : []),
  ]);
}

async function torchStep(preset, rows) {
  const { presets } = await inDist("model/presets.js");
  const m = presets[preset];
  const shape = o.small
    ? { "d-model": 32, "n-layers": 2, "n-heads": 2, "n-kv-heads": 1, "ffn-dim": 48, vocab: 96, "seq-len": 16 }
    : {
        "d-model": m.d_model,
        "n-layers": m.n_layers,
        "n-heads": m.n_heads,
        "n-kv-heads": m.n_kv_heads ?? m.n_heads,
        "ffn-dim": m.ffn_dim,
        vocab: m.vocab_size,
        "seq-len": m.seq_len,
      };
  const flags = {
    ...shape,
    theta: m.rope_theta,
    tie: Number(m.tie_embeddings),
    batch: rows,
    "micro-batches": o["micro-batches"],
    steps: o.steps,
    norm: o.norm,
    ...(o.small ? { device: "cpu", compile: 0 } : {}),
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return child(o.python, [TORCH, ...args], { env: { PYTHONUNBUFFERED: "1" } });
}

async function steps() {
  const rowsOf = Object.fromEntries(o["micro-batch"].split(",").map((pair) => pair.split("=")));
  for (const preset of o.presets.split(",")) {
    const measured = { micro_batch: Number(rowsOf[preset] ?? 8), hnorm: [], torch: [] };
    record.parts[`step ${preset}`] = measured;
    for (let round = 1; round <= Number(o.rounds); round++) {
      for (const [name, measure] of [
        ["hnorm", hnormStep],
        ["torch", torchStep],
      ]) {
        if (name === "torch" && (o["no-torch"] || !["pre", "hybrid"].includes(o.norm))) continue;
        const result = await measure(preset, String(measured.micro_batch));
        measured[name].push({ ...result, smi: smi() });
        say(`${preset} ${name} ${round}`, result);
        save();
      }
    }
    const speeds = (name, of) => measured[name].map(of).filter((speed) => speed > 0);
    const [ours, theirs] = [
      speeds("hnorm", (r) => r.tokens_per_s),
      speeds("torch", (r) => r.step?.tokens_per_s),
    ];
    measured.ratios = ours.slice(0, theirs.length).map((speed, i) => speed / theirs[i]);
    save();
  }
}

/** Tools of compute-sanitizer; what they say is the result. */
const SANITIZERS = ["memcheck", "racecheck", "synccheck", "initcheck"];

async function part(name) {
  if (SANITIZERS.includes(name))
    return child("compute-sanitizer", ["--tool", name, process.execPath, ...own("ops")], { keep: true });
  if (name === "attention") return child(o.python, [ATTENTION]);
  if (CHILDREN[name] !== undefined) return child(process.execPath, own(name));
  return { seconds: 0, failed: "there is no such part", said: "" };
}

function say(what, result) {
  const bad = result.failed === undefined ? "" : `: FAILED, ${result.failed}\n${result.said}`;
  const log = result.kernel_log === undefined ? "" : `\n${result.kernel_log.join("\n")}`;
  console.error(`${what}: ${result.seconds.toFixed(0)} s${bad}${log}`);
}

for (const name of o.parts.split(",")) {
  if (name === "steps") await steps();
  else {
    record.parts[name] = await part(name);
    say(name, record.parts[name]);
  }
  save();
}
console.log(tried(summary));

/** Parts that broke off lack some of what a summary tells. */
function tried(text) {
  try {
    return text();
  } catch (cause) {
    return `no summary: ${cause.message}; see ${o.out}`;
  }
}

function summary() {
  const {
    machine: on,
    warpgroups: w,
    ops: all,
    gradients: g,
    curve: c,
    limits: l,
    kernels: k,
  } = record.parts;
  const lines = [
    `on ${on?.gpu?.name ?? "?"}, driver ${on?.smi?.driver_version ?? "?"}, ${on?.nvrtc}, cuBLASLt ${on?.cublasLt}`,
  ];
  const verdict = (part, more) =>
    part.failed && part.ok === undefined
      ? `FAILED: ${part.failed}`
      : `${part.failed ? `FAILED: ${part.failed}; so far ` : ""}${part.ok ? "right" : "WRONG"}${more()}`;
  if (w) lines.push(`warpgroups ${w.failed ? `FAILED: ${w.failed}` : `${w.used.length} kernels used`}`);
  for (const [kernel, { ok, why, ms }] of Object.entries(w?.results ?? {}))
    lines.push(
      `  ${kernel}: ${ok ? "used" : why}${ms ? `, ${ms.map((x) => x.toFixed(3)).join(" -> ")} ms` : ""}`,
    );
  if (all)
    lines.push(
      `ops        ${verdict(all, () => `, ${all.count} samples, worst ${all.worst?.toExponential(1)}, ${all.bad.length} bad`)}`,
    );
  for (const b of all?.bad ?? []) lines.push(`  ${b.title}: ${b.failed ?? b.error}`);
  if (g) lines.push(`gradients  ${verdict(g, () => "")}`);
  for (const [title, r] of Object.entries(g?.results ?? {}))
    lines.push(
      `  ${title}: ${r.failed ?? `worst ${r.worst.toFixed(4)} (${r.of}), median ${r.median.toFixed(4)}`}`,
    );
  if (c)
    lines.push(
      `20 steps   ${verdict(c, () => `, off by ${c.largest_relative_difference?.toExponential(1)}, same bits twice: ${c.same_bits_twice}`)}`,
    );
  if (l?.copy) lines.push(`copy       ${(l.copy.bytes_per_s / 1e12).toFixed(2)} TB/s`);
  if (l?.square_product) {
    lines.push(
      `product    ${l.square_product.n}^3: ${l.square_product.best_tflops.toFixed(0)} TFLOP/s (favourite ${l.square_product.favourite_tflops.toFixed(0)})`,
    );
    for (const p of l.products ?? [])
      lines.push(
        `  ${p.times} x [${p.m}, ${p.k}]${p.transA ? "^T" : ""} [${p.k}, ${p.n}]${p.transB ? "^T" : ""} ${p.c}: ${p.best_tflops.toFixed(0)} (favourite ${p.favourite_tflops.toFixed(0)})`,
      );
  }
  for (const [name, r] of Object.entries(k ?? {})) {
    if (r.bytes_per_s) lines.push(`${name}: ${(r.bytes_per_s / 1e12).toFixed(2)} TB/s`);
    else if (r.forward_tflops)
      lines.push(`${name}: ${r.forward_tflops.toFixed(0)} / ${r.backward_tflops.toFixed(0)} TFLOP/s`);
  }
  for (const [name, s] of Object.entries(record.parts).filter(([name]) => name.startsWith("step "))) {
    const [ours] = s.hnorm;
    lines.push(
      `${name}: hnorm ${s.hnorm.map((r) => Math.round(r.tokens_per_s ?? 0))} tokens/s, MFU ${((ours?.mfu ?? 0) * 100).toFixed(1)} %, torch ${s.torch.map((r) => Math.round(r.step?.tokens_per_s ?? 0))}, ratios ${s.ratios?.map((r) => r.toFixed(3))}`,
    );
    for (const row of ours?.parts ?? [])
      lines.push(
        `  ${row.name.padEnd(22)} ${row.forward_ms.toFixed(1).padStart(8)} ${row.backward_ms.toFixed(1).padStart(8)} ms`,
      );
  }
  return lines.join("\n");
}
