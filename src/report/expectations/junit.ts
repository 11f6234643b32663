/**
 * Verdicts as a JUnit XML file, which the web pages of CI systems show. A verdict is a test case: missed is a failure, not
 * finished an error, known and left out are skipped. No clock and no host: the same runs give the same bytes.
 */
import { xmlText } from "../../lib/xml.ts";
import type { Verdict, VerdictState } from "./verdicts.ts";

/** The element that says what became of a test case; a met one has none. */
const ELEMENT: Readonly<Record<VerdictState, "failure" | "error" | "skipped" | undefined>> = {
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
    ...[...outcome, `<system-out>${inXml(said(verdict) + from)}</system-out>`].map((line) => `      ${line}`),
    "    </testcase>",
  ].join("\n");
}

const said = ({ verdict, measured, n, of, note }: Verdict): string =>
  `${verdict}: measured ${measured} (${n}/${of})${note === undefined ? "" : `; ${note}`}`;

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([key, value]) => ` ${key}="${inXml(String(value))}"`)
    .join("");

/** A line's end in an attribute is a blank, unless it is written so. */
const inXml = (text: string): string => xmlText(text).replaceAll("\n", "&#10;");
