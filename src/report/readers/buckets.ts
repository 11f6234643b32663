/**
 * A long series thinned while it is read: steps in buckets of equal width, of each the mean and the extremes, so that
 * no spike is lost. Buckets of one width begin at the same steps in every run, which makes runs comparable.
 */

export interface Bucket {
  /** The last step in it that has a value. */
  readonly step: number;
  readonly n: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

interface Buckets {
  /** Values that are not finite are left out. */
  add(step: number, value: number): void;
  /** In the order of steps; those without a value are left out. */
  list(): readonly Bucket[];
}

/** Steps per bucket, so that a series up to `last` makes at most `limit` of them. */
export const bucketWidth = (last: number, limit: number): number => Math.max(1, Math.ceil(last / limit));

/** `width` in steps. The first bucket holds steps 1 to `width`. */
export function buckets(width: number): Buckets {
  const found = new Map<number, { -readonly [K in keyof Bucket]: number }>();
  return {
    add(step, value) {
      if (!Number.isFinite(value)) return;
      const key = bucketOf(step, width);
      const bucket = found.get(key);
      if (bucket === undefined) {
        found.set(key, { step, n: 1, mean: value, min: value, max: value });
        return;
      }
      bucket.step = step;
      bucket.n++;
      bucket.mean += (value - bucket.mean) / bucket.n;
      bucket.min = Math.min(bucket.min, value);
      bucket.max = Math.max(bucket.max, value);
    },
    list: () => [...found.values()].toSorted((a, b) => a.step - b.step),
  };
}

export const bucketOf = (step: number, width: number): number => Math.ceil(step / width);
