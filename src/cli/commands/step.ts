/** `hnorm step FILE`: one forward and backward pass on given weights and tokens, for comparison with other code. */

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { loadModelConfig } from "../../config/load.ts";
import { UserError } from "../../lib/errors.ts";
import { jsonText } from "../../lib/json.ts";
import { readSafetensors, writeSafetensors } from "../../lib/safetensors.ts";
import { table } from "../../lib/table.ts";
import { chooseExact } from "../../local/choose-engine.ts";
import { listParameters } from "../../model/graphs.ts";
import type { Parameter } from "../../model/parameter.ts";
import { singleStep } from "../../train/single-step.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../options/overrides.ts";

const ABOUT = `
Tensors, stored as torch.nn.Linear stores them: [out, in] for y = W x. D d_model, H n_heads, K n_kv_heads, d head_dim:
  embed.weight, head.weight [vocab_size, D]        no head with tie_embeddings
  final_norm.weight [D]
  blocks.N.attn.{q,k,v,o}.weight                   [H d, D], [K d, D], [K d, D], [D, H d]
  blocks.N.attn.{q,k,v,c}_norm.weight              [d], one for all heads; full width: q [H d], k [K d]
  blocks.N.{attn,ffn}_norm.weight [D]              before the sub-layer, or after its residual add
  blocks.N.{attn,ffn}_out_norm.weight [D]          on the sub-layer's output, before the residual add
  blocks.N.ffn.{gate,up,down}.weight               [ffn_dim, D], [ffn_dim, D], [D, ffn_dim]: down(silu(gate x) * up x)
  blocks.N.moe.router.weight [n_experts, D]        a mixture has these in place of ffn
  blocks.N.moe.experts.E.{gate,up,down}.weight     as of ffn
  blocks.N.moe.shared.{gate,up,down}.weight        likewise, shared_expert wide
Strategies and norm functions have others of their own: --list-tensors names all of this config's, with their shapes.
RoPE turns entry i of a head with entry i + d/2, as in Hugging Face's Llama. The loss is the mean cross-entropy of the next
token over positions 0 .. T-2; a mixture's router losses are over all positions, and gradients are of all losses together.
There are no biases, windows, soft caps, scaled or partial RoPE, nor a factor on the embedding; a gain g is g, not 1 + g.
engine=reference computes in f64 and writes F64; cpu, the default, in f32.`;

interface Options {
  readonly weights?: string;
  readonly tokens?: string;
  readonly listTensors?: boolean;
  readonly out?: string;
  readonly atStep?: number;
  readonly json?: boolean;
  readonly set: readonly string[];
}

export function stepCommand(command: Command, io: Io): void {
  command
    .argument("<file>", "a config; `model:` and `norm:` suffice")
    .argument("[overrides...]", "key=value")
    .option("--weights <file>", "every tensor of the model, as safetensors")
    .option("--tokens <file>", "token ids as JSON: [[...], [...]]")
    .option("--out <file>", "write every gradient under its tensor's name, and `logits`")
    .option(
      "--at-step <n>",
      "the optimizer step, for what follows it; default: the end of training",
      wholeStep,
    )
    .option("--list-tensors", "print name, shape and role of every tensor of the model, and compute nothing")
    .option("--json", "print one JSON object")
    .addOption(overrideOption())
    .addHelpText("after", ABOUT)
    .action(async (file: string, overrides: readonly string[], options: Options) => {
      const { model, norm, engine } = loadModelConfig(file, [...overrides, ...options.set]);
      if (options.listTensors) {
        const parameters = listParameters({ model, norm });
        io.out(options.json ? JSON.stringify(parameters.map(tensorFacts)) : tensorTable(parameters));
        return;
      }
      const [weightsFile, tokensFile] = [
        given("--weights", options.weights),
        given("--tokens", options.tokens),
      ];
      const chosen = await chooseExact(engine.name);
      const weights = await readSafetensors(weightsFile);
      const at = options.atStep === undefined ? {} : { step: options.atStep };
      const ids = readTokens(tokensFile);
      const result = await singleStep(chosen.engine, { model, norm }, weights, ids, at);
      if (options.out !== undefined) await writeSafetensors(options.out, result.tensors);
      const { loss, routerLosses, gradNorm, parameters, tokens } = result;
      const losses = routerLosses && {
        balance_loss: routerLosses.balance,
        z_loss: routerLosses.z,
        total_loss: loss + routerLosses.balance + routerLosses.z,
      };
      const facts = {
        loss,
        ...losses,
        grad_norm: gradNorm,
        parameters,
        tokens,
        engine: chosen.name,
        norm: norm.name,
      };
      if (options.json) io.out(jsonText(facts));
      else
        io.out(
          Object.entries(facts)
            .map(([key, value]) => `${key.padEnd(13)}${value}`)
            .join("\n"),
        );
    });
}

const tensorFacts = ({ name, shape, role }: Parameter) => ({ name, shape, role });

const tensorTable = (parameters: readonly Parameter[]): string =>
  table(parameters, [
    { title: "tensor", text: ({ name }) => name, align: "left" },
    { title: "shape", text: ({ shape }) => `[${shape.join(", ")}]`, align: "left" },
    { title: "role", text: ({ role }) => role, align: "left" },
  ]);

function given(option: string, file: string | undefined): string {
  if (file === undefined)
    throw new UserError(`${option}: missing; expected a file (or --list-tensors alone)`);
  return file;
}

function wholeStep(text: string): number {
  const step = Number(text);
  if (Number.isInteger(step) && step >= 1) return step;
  throw new UserError(`--at-step: got ${text}; expected a whole number from 1`);
}

/** `[[1, 2, 3], [4, 5, 6]]`. What the numbers mean is checked against the model later. */
function readTokens(path: string): number[][] {
  const wrong = (what: string) => new UserError(`${path}: ${what}; expected token ids as [[...], [...]]`);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw wrong(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  let tokens: unknown;
  try {
    tokens = JSON.parse(text);
  } catch (error) {
    throw wrong(`not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(tokens) || !tokens.every((row) => Array.isArray(row)))
    throw wrong("not a list of lists");
  return tokens as number[][];
}
