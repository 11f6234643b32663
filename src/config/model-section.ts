/** `model:` as the YAML has it: the fields themselves, or `{preset: NAME, ...}` with some of them changed. */
import { z } from "zod";
import { type PresetName, presets } from "../model/presets.ts";
import { completeModel, contradictions, type ModelConfig, modelSchema } from "../model/schema.ts";
import { isPlainObject } from "./selection.ts";
import { wording } from "./wording.ts";

const written = modelSchema.extend({ preset: z.enum(Object.keys(presets) as [PresetName]).optional() });
/** With a preset that does not exist, nothing can be said of the fields it would have given. */
const unknownPreset = written.partial();

const toModel = z.unknown().transform((value, ctx): ModelConfig => {
  const name = isPlainObject(value) ? value.preset : undefined;
  const known = typeof name === "string" && Object.hasOwn(presets, name);
  const fields = known ? { ...presets[name as PresetName], ...(value as object) } : value;
  const schema = name === undefined || known ? written : unknownPreset;
  const parsed = schema.safeParse(fields, { error: wording, reportInput: true });
  if (!parsed.success) {
    ctx.issues.push(...(parsed.error.issues as unknown as typeof ctx.issues));
    return z.NEVER;
  }
  const { preset: _, ...model } = parsed.data as z.output<typeof written>;
  for (const { key, message } of contradictions(model)) {
    ctx.issues.push({ code: "custom", path: [key], message, input: undefined });
  }
  return completeModel(model);
});

/** The section, and the object schema behind it for those who list its keys. */
export const modelSection = Object.assign(toModel, { schema: written });
