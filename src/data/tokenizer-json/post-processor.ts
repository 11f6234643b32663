/**
 * The post-processor of a tokenizer.json puts tokens around a text, which is not done here: every document is closed by
 * its end token and by nothing else. It is read for that token, so that a broken one is refused.
 */
import { anything, fieldsOf, list, type Readers, readPart, Unsupported } from "./unsupported.ts";

export function requirePostProcessor(value: unknown): void {
  if (value !== null) readPart("post_processor", value, PROCESSORS);
}

const any = [anything, null] as const;

const PROCESSORS: Readers<void> = {
  ByteLevel: (part) => void fieldsOf(part, { add_prefix_space: any, trim_offsets: any, use_regex: any }),
  BertProcessing: (part) => void fieldsOf(part, { sep: [anything], cls: [anything] }),
  RobertaProcessing: (part) =>
    void fieldsOf(part, { sep: [anything], cls: [anything], trim_offsets: any, add_prefix_space: any }),
  TemplateProcessing(part) {
    const { single } = fieldsOf(part, { single: [list], pair: any, special_tokens: any });
    const piece = (x: unknown) =>
      typeof x === "object" && x !== null && ("Sequence" in x || "SpecialToken" in x);
    if (!single.every(piece))
      throw new Unsupported(`${part.where}.single: expected a list of Sequence and SpecialToken`);
  },
  Sequence(part) {
    const { processors } = fieldsOf(part, { processors: [list] });
    for (const [i, one] of processors.entries()) readPart(`${part.where}[${i}]`, one, PROCESSORS);
  },
};
