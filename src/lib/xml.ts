/** Text as it may stand in XML and HTML, between tags and in attributes. */

/** XML 1.0 has no way to write control characters, nor half of a pair of surrogates. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const UNSAYABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/gu;

const SIGNS: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** `fine<er` is `fine&lt;er`; `instead`: of what cannot be written at all. */
export const xmlText = (text: string, instead = "\ufffd"): string =>
  text.replace(UNSAYABLE, instead).replace(/[&<>"]/g, (sign) => SIGNS[sign]!);
