/** Reads XML strictly into a tree, for tests of what is written: throws at anything that is not well-formed. No namespaces. */

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Its own text and that of all inside it, unescaped. */
  readonly text: string;
}

const TAG = /^<([A-Za-z][\w:-]*)((?:\s+[A-Za-z_:][\w:.-]*="[^"<]*")*)\s*(\/?)>/;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

/** One element, and nothing but white space and a doctype around it. */
export function parseXml(source: string): XmlElement {
  let rest = source.replace(/^<!DOCTYPE html>\s*/, "").trim();
  const unescaped = (text: string) => {
    const bare = text.replace(/&(\w+);/g, (_, name: string) => {
      const character = ENTITIES[name];
      if (character === undefined) throw new Error(`unknown entity &${name};`);
      return character === "&" ? "\u0001" : character;
    });
    if (bare.includes("&")) throw new Error(`a bare & in ${text.slice(0, 60)}`);
    return bare.replaceAll("\u0001", "&");
  };
  const element = (): XmlElement => {
    const tag = TAG.exec(rest);
    if (tag === null) throw new Error(`no element at ${rest.slice(0, 80)}`);
    rest = rest.slice(tag[0].length);
    const name = tag[1]!;
    const attributes: Record<string, string> = {};
    for (const [, key, value] of tag[2]!.matchAll(/([^\s=]+)="([^"]*)"/g)) {
      if (key! in attributes) throw new Error(`${key} twice in ${tag[0]}`);
      attributes[key!] = unescaped(value!);
    }
    const children: XmlElement[] = [];
    let text = "";
    while (tag[3] === "" && !rest.startsWith(`</${name}>`)) {
      const until = rest.indexOf("<");
      if (until < 0) throw new Error(`<${name}> has no end`);
      text += unescaped(rest.slice(0, until));
      rest = rest.slice(until);
      if (rest.startsWith(`</${name}>`)) break;
      const child = element();
      children.push(child);
      text += child.text;
    }
    if (tag[3] === "") rest = rest.slice(name.length + 3);
    return { name, attributes, children, text };
  };
  const root = element();
  if (rest.trim() !== "") throw new Error(`more after the end: ${rest.slice(0, 80)}`);
  return root;
}

/** It and all inside it, of a name. */
export const allOf = (element: XmlElement, name: string): readonly XmlElement[] => [
  ...(element.name === name ? [element] : []),
  ...element.children.flatMap((child) => allOf(child, name)),
];
