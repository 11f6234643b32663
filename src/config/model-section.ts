/** `model:` as the YAML has it: the fields themselves, or `{preset: NAME, ...}` with some of them changed. */
import { z } from "zod";
import { nearest } from "../lib/suggest.ts";
import { type PresetName, presets } from "../model/presets.ts";
import { completeModel, type ModelConfig, modelSchema } from "../model/schema.ts";
import { isPlainObject } from "./selection.ts";
import { show, wording } from "./wording.ts";

const written = modelSchema.extend({ preset: z.enum(Object.keys(presets) as [PresetName]).optional() });
type Written = z.output<typeof written>;
/** With a preset that does not exist, nothing can be said of the fields it would have given. */
const unknownPreset = written.partial();
/** Blind to keys that do not exist. */
const forgiving = written.strip();

/** The names of its fields, for those who list them. */
export const modelKeys = Object.keys(written.shape);

export const modelSection = z.unknown().transform((value, ctx): ModelConfig => {
  if (typeof value === "string") {
    const near = Object.hasOwn(presets, value) ? value : nearest(value, Object.keys(presets));
    const hint = near === undefined ? " such as {preset: llama-71m}" : "";
    const meant = near === undefined ? "" : `; did you mean {preset: ${near}}?`;
    const message = `expected a mapping${hint}, got ${show(value)}${meant}`;
    ctx.issues.push({ code: "custom", path: [], message, input: value });
    return z.NEVER;
  }
  const { fields, schema } = expanded(value);
  const parsed = schema.safeParse(fields, { error: wording, reportInput: true });
  if (parsed.success) return completeModel(withoutPreset(parsed.data as Written));
  // Pushed as they are, so that the codes and keys survive; their messages are already written.
  ctx.issues.push(...(parsed.error.issues as unknown as typeof ctx.issues));
  return z.NEVER;
});

/** The model's own fields, whatever else is written there: so the rest can be checked beside a mistake. */
export function knownModel(value: unknown): z.output<typeof modelSchema> | undefined {
  const parsed = forgiving.safeParse(expanded(value).fields);
  return parsed.success ? withoutPreset(parsed.data) : undefined;
}

/** The fields of the preset with those of the file laid over them, those of a mixture of experts one by one. */
function expanded(value: unknown): { readonly fields: unknown; readonly schema: z.ZodType } {
  const name = isPlainObject(value) ? value.preset : undefined;
  if (name === undefined) return { fields: value, schema: written };
  if (typeof name !== "string" || !Object.hasOwn(presets, name))
    return { fields: value, schema: unknownPreset };
  const preset: z.input<typeof modelSchema> = presets[name as PresetName];
  const own = value as { readonly moe?: unknown };
  const moe = isPlainObject(own.moe) ? { moe: { ...preset.moe, ...own.moe } } : {};
  return { fields: { ...preset, ...own, ...moe }, schema: written };
}

const withoutPreset = ({ preset: _, ...model }: Written): z.output<typeof modelSchema> => model;
