/** A norm function in words: equation, learned parameters, source. */
import { table } from "../../lib/table.ts";
import { explainFunction } from "../../norm-functions/explain.ts";
import { type NormFunctionName, normFunctions } from "../../norm-functions/index.ts";
import { suffix } from "./strategy-text.ts";

type Named = { readonly name: NormFunctionName } & Readonly<Record<string, unknown>>;

export function describeFunction(selection: Named, { json }: { readonly json?: boolean }): string {
  const { summary, cite } = normFunctions[selection.name];
  const explanation = explainFunction(selection);
  const { equation, embed, learned } = explanation;
  if (json) return JSON.stringify({ ...selection, summary, cite, ...explanation }, null, 2);
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
            { title: "starts at", text: ({ initial }) => String(initial) },
          ]),
        ]),
  ].join("\n");
}
