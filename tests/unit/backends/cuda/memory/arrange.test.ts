/** The memory planner: what lives at the same time never overlaps, and little is wasted. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ALIGNMENT, aligned, arrange, type Span } from "../../../../../src/backends/cuda/memory/arrange.ts";

const spans = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 0, max: 100_000 }), from: fc.nat(60), length: fc.nat(30) })
    .map(({ bytes, from, length }): Span => ({ bytes, from, to: from + length })),
  { maxLength: 60 },
);

/** The least any layout needs: the most that is alive at once. */
const floor = (all: readonly Span[]): number =>
  Math.max(
    0,
    ...all.map(({ from }) =>
      all.reduce((sum, s) => sum + (s.from <= from && from <= s.to ? aligned(s.bytes) : 0), 0),
    ),
  );

test("no two spans that live at once overlap, and all lie within the arena, aligned", () => {
  fc.assert(
    fc.property(spans, (all) => {
      const { offsets, total } = arrange(all);
      all.forEach((a, i) => {
        expect(offsets[i]! % ALIGNMENT).toBe(0);
        expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(total);
        all.slice(0, i).forEach((b, j) => {
          if (a.to < b.from || b.to < a.from || a.bytes === 0 || b.bytes === 0) return;
          const apart = offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
          expect(apart, `${JSON.stringify(a)} at ${offsets[i]}, ${JSON.stringify(b)} at ${offsets[j]}`).toBe(
            true,
          );
        });
      });
    }),
  );
});

test("the arena is never smaller than what is alive at once, and not much larger", () => {
  fc.assert(
    fc.property(spans, (all) => {
      const { total } = arrange(all);
      expect(total).toBeGreaterThanOrEqual(floor(all));
      expect(total).toBeLessThanOrEqual(Math.max(1.6 * floor(all), floor(all) + 100_000));
    }),
  );
});

test("a chain of equal values needs two of them, whatever its length", () => {
  const chain = Array.from({ length: 20 }, (_, i) => ({ bytes: 1024, from: i, to: i + 1 }));
  expect(arrange(chain).total).toBe(2048);
});

test("the same spans give the same layout", () => {
  fc.assert(
    fc.property(spans, (all) => {
      expect(arrange(all)).toEqual(arrange(all.map((s) => ({ ...s }))));
    }),
  );
});
