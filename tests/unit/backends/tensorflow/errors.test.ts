/** What a user reads when TensorFlow.js is missing, broken, on the wrong Node or out of memory. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { tensorflowOn } from "../../../../src/backends/tensorflow/tensorflow.ts";
import { GraphBuilder } from "../../../../src/graph/builder.ts";
import { EnvironmentError } from "../../../../src/lib/errors.ts";
import { matmul } from "../../../../src/ops/matmul.ts";
import { plan } from "../../../../src/plan/plan.ts";

const REAL = createRequire(import.meta.url).resolve("@tensorflow/tfjs");

/** The engine in a folder where only these packages are installed, each with this main file. */
function engineWith(packages: Readonly<Record<string, string>>, node = "22.11.0") {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-tensorflow-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, main] of Object.entries(packages)) {
    const folder = join(dir, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, main: "main.js" }));
    writeFileSync(join(folder, "main.js"), main);
  }
  return tensorflowOn({ resolve: createRequire(join(dir, "x.js")).resolve, node });
}

/** A working package: the plain one, under another name and with changes. */
const plain = (changes = "") => `
  const tf = { ...require(${JSON.stringify(REAL)}) };
  tf.setBackend = async () => true;
  tf.backend = () => ({ isUsingGpuDevice: ${changes.includes("gpu")} });
  ${changes}
  module.exports = tf;`;

const throwing = (message: string, code?: string) =>
  `throw Object.assign(new Error(${JSON.stringify(message)}), { code: ${JSON.stringify(code)} });`;

const NO_ADDON =
  "The Node.js native addon module (tfjs_binding.node) can not be found at path: /x/tfjs_binding.node. \nPlease run ...";
const NO_LIBRARY = "libtensorflow.so.2: cannot open shared object file: No such file or directory";

describe("which package is taken", () => {
  test("nothing installed: how to get each, and on which Node", async () => {
    const engine = engineWith({});
    const found = await engine.available();
    if (found.ok) return expect.fail("nothing is installed");
    expect(found.why).toBe("TensorFlow.js is not installed");
    for (const way of [
      "npm install --no-save --save-prod --ignore-scripts=false @tensorflow/tfjs-node-gpu@4.22.0",
      "npm install --no-save --save-prod --ignore-scripts=false @tensorflow/tfjs-node@4.22.0",
      "npm install --no-save --save-prod @tensorflow/tfjs@4.22.0",
      "CUDA 11.2",
      "Node 20 to 22",
      "any Node",
    ]) {
      expect(found.fix).toContain(way);
    }
    await expect(engine.open({})).rejects.toThrow(EnvironmentError);
    await expect(engine.open({})).rejects.toThrow("engine tensorflow: TensorFlow.js is not installed; ");
  });

  test("the GPU's package before the C library's before plain JavaScript", async () => {
    const [gpu, node, js] = [
      "@tensorflow/tfjs-node-gpu",
      "@tensorflow/tfjs-node",
      "@tensorflow/tfjs",
    ] as const;
    const detail = async (packages: Record<string, string>) => engineWith(packages).available();
    expect(await detail({ [gpu]: plain("/* gpu */"), [node]: plain(), [js]: plain() })).toEqual({
      ok: true,
      detail: "@tensorflow/tfjs-node-gpu 4.22.0 on a GPU",
    });
    expect(await detail({ [gpu]: plain(), [node]: plain() })).toMatchObject({
      detail: "@tensorflow/tfjs-node-gpu 4.22.0 on the CPU",
      better: expect.stringMatching(/found no GPU that it can use.*Hopper.*CUDA 11.2/),
    });
    expect(await detail({ [node]: plain(), [js]: plain() })).toMatchObject({
      detail: "@tensorflow/tfjs-node 4.22.0 on the CPU",
      better: expect.stringMatching(/^faster, one of\n[^\n]*tfjs-node-gpu@4.22.0 [^\n]*$/),
    });
    expect(await detail({ [js]: plain() })).toMatchObject({
      detail: "@tensorflow/tfjs 4.22.0 on the CPU",
      better: expect.stringMatching(
        /^faster, one of\n[^\n]*tfjs-node-gpu@4.22.0 [^\n]*\n[^\n]*tfjs-node@4.22.0 [^\n]*$/,
      ),
    });
  });

  test("nothing is loaded before it is asked for, and then once", async () => {
    const marks = globalThis as { loads?: number };
    marks.loads = 0;
    onTestFinished(() => {
      delete marks.loads;
    });
    const engine = engineWith({ "@tensorflow/tfjs": plain("globalThis.loads++;") });
    expect(marks.loads).toBe(0);
    await engine.available();
    await (await engine.open({})).close();
    expect(marks.loads).toBe(1);
  });
});

describe("a package that does not work is told, not passed over for a slower one", () => {
  const working = { "@tensorflow/tfjs": plain() };

  test.each([
    ["its addon was never downloaded", throwing(NO_ADDON)],
    ["the C library is missing", throwing(NO_LIBRARY, "ERR_DLOPEN_FAILED")],
  ])("native library missing: %s", async (_, main) => {
    const found = await engineWith({ ...working, "@tensorflow/tfjs-node-gpu": main }).available();
    if (found.ok) return expect.fail("it does not load");
    expect(found.why).toMatch(/^@tensorflow\/tfjs-node-gpu is installed without its native library: \S/);
    expect(found.why).not.toContain("\n");
    expect(found.fix).toContain("npm rebuild --ignore-scripts=false @tensorflow/tfjs-node-gpu");
    expect(found.fix).toContain("npm uninstall --no-save @tensorflow/tfjs-node-gpu");
  });

  test("Node too new for it, known before it is loaded", async () => {
    const packages = { ...working, "@tensorflow/tfjs-node": throwing("must not be loaded") };
    const found = await engineWith(packages, "23.0.0").available();
    if (found.ok) return expect.fail("it does not work on this Node");
    expect(found.why).toContain("@tensorflow/tfjs-node does not work on Node 23.0.0");
    expect(found.fix).toContain("run hnorm on Node 20 to 22");
    expect(await engineWith(working, "26.1.0").available()).toMatchObject({ ok: true });
  });

  test("something else is wrong with it", async () => {
    const found = await engineWith({ "@tensorflow/tfjs": throwing("Unexpected token") }).available();
    expect(found).toMatchObject({
      ok: false,
      why: "@tensorflow/tfjs is installed but does not load: Unexpected token",
      fix: "install it again, or use `engine: cpu`",
    });
    const idle = await engineWith({
      "@tensorflow/tfjs": plain("tf.setBackend = async () => false;"),
    }).available();
    expect(idle).toMatchObject({ ok: false, why: expect.stringContaining("its backend cpu does not start") });
  });
});

describe("out of memory", () => {
  const product = () => {
    const b = new GraphBuilder();
    b.output("y", matmul(b.emit, b.feed("a", [2, 3]), b.feed("b", [3, 2])));
    return plan(b.finish());
  };
  const feeds = { a: new Float32Array(6), b: new Float32Array(6) };

  test.each([
    [
      "TensorFlow's",
      "Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[8192,50257] and type float",
    ],
    ["V8's, of a buffer", "Array buffer allocation failed"],
    ["V8's, of a length", "Invalid typed array length: 9999999999"],
  ])("in a step: %s words", async (_, message) => {
    const changes = `tf.matMul = () => { throw new RangeError(${JSON.stringify(message)}); };`;
    const device = await engineWith({ "@tensorflow/tfjs-node": plain(changes) }).open({});
    const running = (await device.compile(product())).run(feeds);
    await expect(running).rejects.toThrow(EnvironmentError);
    await expect(running).rejects.toThrow(
      "engine tensorflow is out of memory: use a smaller train.micro_batch_size or model.seq_len (TensorFlow.js: ",
    );
    await device.close();
  });

  test("in setting a variable, too", async () => {
    const changes = 'tf.tensor = () => { throw new RangeError("Array buffer allocation failed"); };';
    const device = await engineWith({ "@tensorflow/tfjs-node": plain(changes) }).open({});
    expect(() => device.write("w", [1], Float32Array.of(1))).toThrow(EnvironmentError);
  });

  test("any other failure keeps its own words", async () => {
    const changes = 'tf.matMul = () => { throw new Error("Invalid TF_Status: 3"); };';
    const device = await engineWith({ "@tensorflow/tfjs-node": plain(changes) }).open({});
    const running = (await device.compile(product())).run(feeds);
    await expect(running).rejects.toThrow("Invalid TF_Status: 3");
    await expect(running).rejects.not.toThrow(EnvironmentError);
  });
});
