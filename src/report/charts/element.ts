/** SVG as text: elements with escaped attributes and content, numbers short. */

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
export const text = (content: string): Markup => escaped(content) as string as Markup;

export const joined = (parts: readonly Markup[], between = ""): Markup => parts.join(between) as Markup;

/** `fine<er` is `fine&lt;er`; what XML 1.0 cannot hold at all is a question mark. */
export const escaped = (content: string): string =>
  content
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be kept out.
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "?")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** A coordinate: two digits after the point are a hundredth of a pixel. */
export const short = (n: number): string => String(Number(n.toFixed(2)) + 0);
