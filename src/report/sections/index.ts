/** The sections of a report, in their order. A section is a file; where it has nothing to say it is left out. */

import type { ReportData } from "../data/report-data.ts";
import type { Block, Section } from "../page/blocks.ts";
import * as answer from "./answer.ts";
import * as curves from "./curves.ts";
import * as expectations from "./expectations.ts";
import * as experts from "./experts.ts";
import * as fairness from "./fairness.ts";
import * as gradientMaps from "./gradient-maps.ts";
import * as gradientRatio from "./gradient-ratio.ts";
import * as gradientsByLayer from "./gradients-by-layer.ts";
import * as layers from "./layers.ts";
import * as learningRate from "./learning-rate.ts";
import * as provenance from "./provenance.ts";
import * as stability from "./stability.ts";

interface SectionFile {
  readonly title: string;
  readonly blocks: (data: ReportData) => readonly Block[];
}

const SECTIONS: Readonly<Record<string, SectionFile>> = {
  answer,
  expectations,
  fairness,
  "learning-rate": learningRate,
  loss: curves,
  gradients: gradientsByLayer,
  "gradient-maps": gradientMaps,
  "gradient-ratio": gradientRatio,
  layers,
  stability,
  experts,
  provenance,
};

export const sections = (data: ReportData): readonly Section[] =>
  Object.entries(SECTIONS)
    .map(([id, { title, blocks }]) => ({ id, title, blocks: blocks(data) }))
    .filter(({ blocks }) => blocks.length > 0);
