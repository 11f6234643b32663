/** SVG as text: elements with escaped attributes and content, numbers short. */

import { xmlText } from "../../lib/xml.ts";

/** Markup that is safe to stand in a document as it is. */
export type Markup = string & { readonly markup: unique symbol };

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An attribute that is undefined is left out; a child that is plain text is escaped. */
export function el(name: string, attributes: Attributes = {}, ...children: readonly Markup[]): Markup {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? short(value) : escaped(value!)}"`);
  const open = `<${name}${written.join("")}`;
  return (children.length === 0 ? `${open}/>` : `${open}>${children.join("")}</${name}>`) as Markup;
}

/** Text as the content of an element. */
export const text = (content: string): Markup => escaped(content) as Markup;

export const joined = (parts: readonly Markup[], between = ""): Markup => parts.join(between) as Markup;

/** What XML cannot hold at all is a question mark, which every font has. */
export const escaped = (content: string): string => xmlText(content, "?");

/** A coordinate: two digits after the point are a hundredth of a pixel. */
export const short = (n: number): string => String(Number(n.toFixed(2)) + 0);
