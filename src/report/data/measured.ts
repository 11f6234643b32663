/** What the probes of a run measured, as their own readers read it back. */
import { probes } from "../../probes/index.ts";
import type { Layers } from "../../probes/layers.ts";
import type { Probe } from "../../probes/probe.ts";
import type { LayerReader, Reader } from "../../probes/reader.ts";
import { probeFile } from "../../runs/paths.ts";
import { tableRows } from "../../runs/read-table.ts";
import { bucketOf } from "../readers/buckets.ts";

/** By reader; those that found nothing are absent. */
export type Measured = ReadonlyMap<Reader, unknown>;

interface OfRun {
  readonly measured: Measured;
}

export const readers: readonly Reader[] = Object.values<Probe>(probes).flatMap(
  (probe) => probe.readers ?? [],
);

/** `width`: steps of which one is kept, where values are by layer. */
export const readMeasured = (folder: string, width: number): Measured =>
  new Map(
    readers.flatMap((reader) => {
      const rows = tableRows(probeFile(folder, reader.table), reader);
      const found = reader.read(rows, (step) => bucketOf(step, width));
      return found === undefined ? [] : [[reader, found] as const];
    }),
  );

export const measuredBy = <R>(reader: Reader<R>, { measured }: OfRun): R | undefined =>
  measured.get(reader) as R | undefined;

/** Of a quantity by layer; no steps where it was not measured. */
export const layersOf =
  (reader: LayerReader) =>
  (run: OfRun): Layers =>
    measuredBy(reader, run) ?? new Map();
