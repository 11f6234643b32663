/** Text as it may stand in XML and HTML, between tags and in attributes. */
import { printable } from "./printable.ts";

/** XML 1.0 has no way to write half of a pair of surrogates, nor these. */
const UNSAYABLE = /[\ud800-\udfff\ufffe\uffff]/gu;

const SIGNS: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** `fine<er` is `fine&lt;er`; `instead`: of what cannot be written at all. */
export const xmlText = (text: string, instead = "\ufffd"): string =>
  printable(text)
    .replace(UNSAYABLE, instead)
    .replace(/[&<>"]/g, (sign) => SIGNS[sign]!);
