/** `model:` as the YAML has it: the fields themselves, or `{preset: NAME, ...}` with some of them changed. */
import { z } from "zod";
import { type PresetName, presets } from "../model/presets.ts";
import { completeModel, type ModelConfig, modelSchema } from "../model/schema.ts";
import { isPlainObject } from "./selection.ts";
import { show, wording } from "./wording.ts";

const written = modelSchema.extend({ preset: z.enum(Object.keys(presets) as [PresetName]).optional() });
/** With a preset that does not exist, nothing can be said of the fields it would have given. */
const unknownPreset = written.partial();
/** Blind to keys that do not exist. */
const forgiving = written.strip();

/** The names of its fields, for those who list them. */
export const modelKeys = Object.keys(written.shape);

export const modelSection = z.unknown().transform((value, ctx): ModelConfig => {
  if (typeof value === "string" && Object.hasOwn(presets, value)) {
    const message = `expected a mapping, got ${show(value)}; did you mean {preset: ${value}}?`;
    ctx.issues.push({ code: "custom", path: [], message, input: value });
    return z.NEVER;
  }
  const { fields, schema } = expanded(value);
  const parsed = schema.safeParse(fields, { error: wording, reportInput: true });
  if (parsed.success) return withoutPreset(parsed.data as z.output<typeof written>);
  // Pushed as they are, so that the codes and keys survive; their messages are already written.
  ctx.issues.push(...(parsed.error.issues as unknown as typeof ctx.issues));
  return z.NEVER;
});

/** The model as far as its known fields tell: where there is a mistake beside them, the rest can still be checked. */
export function knownModel(value: unknown): ModelConfig | undefined {
  const parsed = forgiving.safeParse(expanded(value).fields);
  return parsed.success ? withoutPreset(parsed.data) : undefined;
}

/** The fields of the preset with those of the file laid over them. */
function expanded(value: unknown): { readonly fields: unknown; readonly schema: z.ZodType } {
  const name = isPlainObject(value) ? value.preset : undefined;
  if (name === undefined) return { fields: value, schema: written };
  if (typeof name !== "string" || !Object.hasOwn(presets, name))
    return { fields: value, schema: unknownPreset };
  return { fields: { ...presets[name as PresetName], ...(value as object) }, schema: written };
}

const withoutPreset = ({ preset: _, ...model }: z.output<typeof written>): ModelConfig =>
  completeModel(model);
