import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ScheduleName, schedules } from "../../../src/optim/index.ts";
import type { Schedule } from "../../../src/optim/schedule.ts";

/** The factor at each step, of a schedule as YAML gives it. */
function factors(name: ScheduleName, own: object, steps: number): (t: number) => number {
  const schedule = schedules[name] as Schedule;
  const params = schedule.params.parse(own);
  return (t) => schedule.factor(t, steps, params);
}

describe("cosine", () => {
  test("HybridNorm's dense runs: 2000 steps from 0 to 3e-4, then to 3e-5 at 1T tokens", () => {
    const steps = 238_419; // of 1024 x 4096 tokens
    const f = factors("cosine", { warmup_steps: 2000, floor: 0.1 }, steps);
    const lr = (t: number) => 3e-4 * f(t);
    expect(lr(1)).toBeCloseTo(1.5e-7, 15);
    expect(lr(1000)).toBeCloseTo(1.5e-4, 12);
    expect(lr(1999)).toBeCloseTo(3e-4 * (1999 / 2000), 15);
    expect(lr(2000)).toBe(3e-4);
    expect(lr(2001)).toBeLessThan(3e-4);
    expect(lr(2000 + (steps - 2000) / 2)).toBeCloseTo(1.65e-4, 12);
    expect(lr(steps)).toBeCloseTo(3e-5, 15);
  });

  test("its MoE runs: warm-up from a tenth of the peak, and a horizon of 5T tokens, hardly felt at 500B", () => {
    const [steps, horizon_steps] = [119_209, Math.round(5e12 / (1024 * 4096))];
    const f = factors("cosine", { warmup_steps: 2500, warmup_from: 0.1, floor: 0.1, horizon_steps }, steps);
    const lr = (t: number) => 4e-4 * f(t);
    expect(lr(0)).toBeCloseTo(4e-5, 15);
    expect(lr(1)).toBeCloseTo(4e-4 * (0.1 + 0.9 / 2500), 15);
    expect(lr(1250)).toBeCloseTo(4e-4 * 0.55, 15);
    expect(lr(2500)).toBe(4e-4);
    expect(lr(steps).toPrecision(3)).toBe("0.000392");
    expect(lr(horizon_steps)).toBeCloseTo(4e-5, 15);
  });

  test("Mix-LN's 130M: a tenth of the run as warm-up, from 0, then to a tenth", () => {
    const f = factors("cosine", { warmup_steps: 2000 }, 20_000);
    expect([f(0), f(1), f(2000), f(11_000), f(20_000)]).toEqual([
      0,
      0.0005,
      1,
      expect.closeTo(0.55, 12),
      expect.closeTo(0.1, 12),
    ]);
  });

  test("behind the horizon lies the floor; a horizon inside the warm-up is passed at once", () => {
    const f = factors("cosine", { warmup_steps: 10, floor: 0.2, horizon_steps: 50 }, 100);
    expect([f(50), f(51), f(100)]).toEqual([0.2, 0.2, 0.2].map((x) => expect.closeTo(x, 12)));
    const early = factors("cosine", { warmup_steps: 10, floor: 0.2, horizon_steps: 5 }, 100);
    expect([early(9), early(10), early(11)]).toEqual([0.9, 1, expect.closeTo(0.2, 12)]);
  });

  test("without warm-up it falls from the first step on", () => {
    const f = factors("cosine", { floor: 0 }, 4);
    const cosine = (u: number) => (1 + Math.cos(Math.PI * u)) / 2;
    expect([1, 2, 3, 4].map(f)).toEqual([0.25, 0.5, 0.75, 1].map((u) => expect.closeTo(cosine(u), 15)));
  });
});

test("linear: a straight line from the peak to the floor at the last step", () => {
  const f = factors("linear", { warmup_steps: 2, floor: 0.2 }, 10);
  expect([1, 2, 6, 10, 11].map(f)).toEqual([
    0.5,
    1,
    expect.closeTo(0.6, 15),
    expect.closeTo(0.2, 15),
    expect.closeTo(0.2, 15),
  ]);
  expect(factors("linear", {}, 10)(10)).toBe(0);
});

test("constant: the peak for ever after the warm-up", () => {
  const f = factors("constant", { warmup_steps: 4, warmup_from: 0.5 }, 10);
  expect([0, 1, 2, 4, 5, 1e9].map(f)).toEqual([0.5, 0.625, 0.75, 1, 1, 1]);
});

test("every schedule: between 0 and 1, rising to the peak at the end of the warm-up, never rising after", () => {
  const shape = fc.record({
    name: fc.constantFrom(...(Object.keys(schedules) as ScheduleName[])),
    steps: fc.integer({ min: 1, max: 60 }),
    warmup_steps: fc.integer({ min: 0, max: 60 }),
    warmup_from: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(shape, ({ name, steps, ...own }) => {
      const values = Array.from({ length: steps }, (_, i) => factors(name, own, steps)(i + 1));
      values.forEach((value, i) => {
        const t = i + 1;
        if (!(value >= -1e-15 && value <= 1)) expect.fail(`${value} at ${t}`);
        if (t === own.warmup_steps) expect(value).toBe(1);
        if (i === 0) return;
        const rise = value - values[i - 1]!;
        if (t <= own.warmup_steps ? rise < -1e-15 : rise > 1e-15) expect.fail(`moves by ${rise} at ${t}`);
      });
    }),
  );
});

test.each<[ScheduleName, object]>([
  ["cosine", { warmup_steps: -1 }],
  ["cosine", { warmup_steps: 2.5 }],
  ["cosine", { floor: 1.1 }],
  ["cosine", { horizon_steps: 0 }],
  ["linear", { horizon_steps: 10 }],
  ["constant", { floor: 0.1 }],
  ["constant", { warmup_from: 2 }],
])("%s refuses %j", (name, own) => {
  expect((schedules[name] as Schedule).params.safeParse(own).success).toBe(false);
});
