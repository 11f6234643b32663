/** One value everywhere. */
import type { FillAttrs } from "../../../ops/fill.ts";
import type { HostKernel } from "./host-kernel.ts";

export const fillHost: HostKernel<FillAttrs> = (_, { attrs: { value } }, __, [y]) => {
  y!.fill(value);
};
