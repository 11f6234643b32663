/** `train.optimizer`: one optimizer for all parameters, or a list of groups of them, each with its own. */
import { z } from "zod";
import { ROLES } from "../inits/roles.ts";
import type { GroupSelection, OptimizerConfig } from "../optim/groups.ts";
import { type OptimizerName, optimizers } from "../optim/index.ts";
import { isPlainObject, selection } from "./selection.ts";
import { wording } from "./wording.ts";

const KIND = "optimizer";
const DEFAULT = "adamw";

const listOf = (element: z.ZodType<string>, of: string) =>
  z.array(element).min(1).describe(`a list of one or more ${of}`).optional();

/** What a group has beside the numbers of its optimizer. */
const groupFields = {
  roles: listOf(z.enum(ROLES), `roles: ${ROLES.join(", ")}`),
  params: listOf(z.string().min(1), 'patterns of parameter names, such as "blocks.*.ffn.*"'),
  /** Factor on train.lr, and so on its schedule. */
  lr_factor: z.number().positive().default(1),
};

const alone = selection(KIND, optimizers, DEFAULT);
const inGroup = selection(
  KIND,
  Object.fromEntries(
    Object.entries(optimizers).map(([name, { params }]) => {
      return [name, { params: z.strictObject({ ...groupFields, ...params.shape }) }];
    }),
  ) as unknown as Record<OptimizerName, { readonly params: z.ZodType }>,
  DEFAULT,
) as z.ZodType<GroupSelection>;

const groups = z.array(inGroup).superRefine((list, ctx) => {
  const wrong = (i: number, message: string) => ctx.addIssue({ code: "custom", path: [i], message });
  list.forEach(({ roles, params }, i) => {
    const selects = roles !== undefined || params !== undefined;
    if (i < list.length - 1 && !selects)
      wrong(i, "missing roles or params: only the last group takes the rest");
    if (i === list.length - 1 && selects)
      wrong(i, "the last group takes the rest, so it has neither roles nor params; add one after it");
  });
});

/** A list of one group is that optimizer alone. */
export const optimizerSection = z
  .unknown()
  .transform((value, ctx): OptimizerConfig => {
    const issue = (path: string[], message: string) =>
      void ctx.issues.push({ code: "custom", path, message, input: value });
    if (Array.isArray(value) && value.length === 0) {
      issue([], "expected an optimizer, or a list of one or more groups, got an empty list");
      return z.NEVER;
    }
    const misplaced = isPlainObject(value)
      ? Object.keys(value).filter((key) => Object.hasOwn(groupFields, key))
      : [];
    for (const key of misplaced)
      issue([key], "belongs to a group of a list: optimizer: [{ roles: [...], ... }, { ...the rest }]");
    if (misplaced.length > 0) return z.NEVER;
    const schema = Array.isArray(value) ? groups : alone;
    const parsed = schema.safeParse(value, { error: wording, reportInput: true });
    if (parsed.success) return simplest(parsed.data);
    // Pushed as they are, so that the codes and keys survive; their messages are already written.
    ctx.issues.push(...(parsed.error.issues as unknown as typeof ctx.issues));
    return z.NEVER;
  })
  .prefault({});

function simplest(config: OptimizerConfig): OptimizerConfig {
  if (!Array.isArray(config) || config.length > 1) return config;
  const { lr_factor, ...only } = (config as readonly GroupSelection[])[0]!;
  return lr_factor === 1 ? only : config;
}
