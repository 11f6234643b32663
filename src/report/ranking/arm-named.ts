/** An arm by its label or how it begins; the mistake where that is none of them, or several. */
import { UserError } from "../../lib/errors.ts";
import { nearest } from "../../lib/suggest.ts";
import type { Arm } from "./arms.ts";

/** How many labels a message lists. */
const SHOWN = 12;

export function armNamed<A extends Pick<Arm, "label">>(arms: readonly A[], text: string): A {
  const exact = arms.filter(({ label }) => label === text);
  const found = exact.length > 0 ? exact : arms.filter(({ label }) => label.startsWith(text));
  if (found.length === 1) return found[0]!;
  const several = found.length > 1;
  const labels = (several ? found : arms).map(({ label }) => label);
  const near = several ? undefined : nearest(text, labels);
  const more = labels.length > SHOWN ? [`${labels.length - SHOWN} more`] : [];
  const allowed = [...labels.slice(0, SHOWN), ...more].join(" | ");
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  const got = several ? `"${text}" begins ${labels.length} arms` : `got "${text}"`;
  throw new UserError(`--against: ${got}; expected an arm, or how one alone begins: ${allowed}${hint}`);
}
