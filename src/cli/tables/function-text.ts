/** A norm function in words: equation, learned parameters, source. */
import { jsonText } from "../../lib/json.ts";
import { table } from "../../lib/table.ts";
import { explainFunction } from "../../norm-functions/explain.ts";
import { type NormFunctionName, normFunctions } from "../../norm-functions/index.ts";
import { suffix } from "./strategy-text.ts";

type Named = { readonly name: NormFunctionName } & Readonly<Record<string, unknown>>;

/** `width`: d of the model in which it is looked at. */
export function describeFunction(
  selection: Named,
  width: number,
  { json, preset }: { readonly json?: boolean; readonly preset: string },
): string {
  const { summary, cite } = normFunctions[selection.name];
  const explanation = explainFunction(selection, width);
  const { equation, embed, learned } = explanation;
  if (json) return jsonText({ ...selection, summary, cite, ...explanation }, 2);
  return [
    `${selection.name}${suffix(selection)}: ${summary}`,
    `source: ${cite}`,
    "",
    `  ${equation}`,
    ...(embed === undefined ? [] : [`  ${embed}`]),
    "",
    ...(learned.length === 0
      ? ["It learns nothing."]
      : [
          table(learned, [
            { title: "learned", text: ({ symbol }) => symbol, align: "left" },
            { title: "stored as", text: ({ name }) => `SITE.${name}`, align: "left" },
            { title: "is a", text: ({ kind }) => kind, align: "left" },
            { title: "role", text: ({ role }) => role, align: "left" },
            { title: "starts at", text: ({ initial }) => String(Number(initial.toPrecision(6))) },
          ]),
        ]),
    "",
    `SITE is such as blocks.0.attn_norm, or embed; d = ${width}, that of ${preset}.`,
  ].join("\n");
}
