/** The `data:` section of a config: `{source: NAME | {name, ...}, tokenizer: NAME | {name}}`. */
import { z } from "zod";
import { type Named, oneOf } from "../lib/one-of.ts";
import { type RepeatFilter, repeatsSchema } from "./repeats.ts";
import { sources } from "./sources/index.ts";
import { tokenizers } from "./tokenizers/index.ts";

export type SourceSpec = Named<typeof sources>;
export type TokenizerSpec = Named<typeof tokenizers>;

export interface DataSpec {
  readonly source: SourceSpec;
  /** Absent where the source makes tokens itself, and where they are prepared and say what they mean. */
  readonly tokenizer?: TokenizerSpec;
  /** Training windows that are masked out of the loss; absent: none. */
  readonly mask_repeats?: RepeatFilter;
}

export const dataSchema = z
  .strictObject({
    source: oneOf(sources),
    tokenizer: oneOf(tokenizers).optional(),
    mask_repeats: repeatsSchema.optional(),
  })
  .transform(({ source, tokenizer, mask_repeats }, ctx): DataSpec => {
    const { yields } = sources[source.name];
    const masked = mask_repeats === undefined ? {} : { mask_repeats };
    if (yields === "documents") return { source, tokenizer: tokenizer ?? { name: "bytes" }, ...masked };
    if (yields === "prepared")
      return { source, ...(tokenizer === undefined ? {} : { tokenizer }), ...masked };
    if (tokenizer !== undefined) {
      const message = `the source "${source.name}" makes its own tokens and takes no tokenizer; leave the key out`;
      ctx.issues.push({ code: "custom", path: ["tokenizer"], message, input: tokenizer });
    }
    return { source, ...masked };
  });

/** A source of which only the validation split is read: it may leave `train` out. */
export const validationSourceSchema: z.ZodType<SourceSpec> = oneOf(
  Object.fromEntries(
    Object.entries(sources).map(([name, { params }]: [string, { readonly params: z.ZodObject }]) => [
      name,
      { params: "train" in params.shape ? params.partial({ train: true }) : params },
    ]),
  ),
) as unknown as z.ZodType<SourceSpec>;
