/**
 * Verdicts as a JUnit XML file, which the web pages of CI systems show. A verdict is a test case: missed is a failure, not
 * finished an error, known and left out are skipped. No clock and no host: the same runs give the same bytes.
 */
import type { Outcome, Verdict } from "./verdicts.ts";

/** The element that says what became of a test case; a met one has none. */
const ELEMENT: Readonly<Record<Outcome, "failure" | "error" | "skipped" | undefined>> = {
  met: undefined,
  missed: "failure",
  known: "skipped",
  "not finished": "error",
  "left out": "skipped",
};

/** `suite`: the sweep's name. */
export function junitXml(suite: string, verdicts: readonly Verdict[]): string {
  const elements = verdicts.map((verdict) => elementOf(verdict));
  const count = (element: string) => elements.filter((other) => other === element).length;
  const totals = attributes({
    name: suite,
    tests: verdicts.length,
    failures: count("failure"),
    errors: count("error"),
    skipped: count("skipped"),
  });
  const cases = verdicts.map((verdict, i) => testCase(suite, verdict, elements[i]));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<testsuites>",
    `  <testsuite${totals}>`,
    ...cases,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

/** A known discrepancy that is not even finished is no error. */
const elementOf = ({ verdict, counts }: Verdict) => (counts ? ELEMENT[verdict] : "skipped");

function testCase(suite: string, verdict: Verdict, element: string | undefined): string {
  const { arm, what, expected, source } = verdict;
  const name = attributes({ classname: `${suite}.${arm}`, name: `${arm}: ${what} ${expected}` });
  const outcome = element === undefined ? [] : [`<${element}${attributes({ message: said(verdict) })}/>`];
  const from = source === undefined ? "" : `\nsource: ${source}`;
  return [
    `    <testcase${name}>`,
    ...[...outcome, `<system-out>${escaped(said(verdict) + from)}</system-out>`].map(
      (line) => `      ${line}`,
    ),
    "    </testcase>",
  ].join("\n");
}

const said = ({ verdict, measured, n, of, note }: Verdict): string =>
  `${verdict}: measured ${measured} (${n}/${of})${note === undefined ? "" : `; ${note}`}`;

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
    .join("");

const SIGNS: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

/** XML 1.0 has no way to write control characters, nor half of a pair of surrogates. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const UNSAYABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/gu;

const escaped = (text: string): string =>
  text.replace(UNSAYABLE, "\ufffd").replace(/[&<>"\n]/g, (sign) => SIGNS[sign]!);
