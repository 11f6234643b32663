/**
 * A few numbers as a sample: mean, spread, how sure the mean is, and how many numbers it would take to be surer.
 * Student's t throughout, for samples as small as two.
 */
import { memoize } from "./memo.ts";

export interface Sample {
  readonly n: number;
  readonly mean: number;
  /** Of the population, estimated from the sample (n - 1); only from two values on, and so is ci95. */
  readonly sd?: number;
  /** Half the width of the 95 % confidence interval of the mean. */
  readonly ci95?: number;
}

/** undefined of no values. */
export function sample(values: readonly number[]): Sample | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  const average = mean(values);
  if (n === 1) return { n, mean: average };
  const sd = standardDeviation(values);
  return { n, mean: average, sd, ci95: (t975(n - 1) * sd) / Math.sqrt(n) };
}

/** Of one value or more. Taken from the first on, so that equal values have exactly their value as mean. */
export function mean(values: readonly number[]): number {
  const first = values[0]!;
  return first + values.reduce((sum, value) => sum + (value - first), 0) / values.length;
}

/**
 * Of two values or more, with n - 1. Two passes, corrected for the mean's rounding: Chan, Golub and LeVeque, Algorithms
 * for computing the sample variance (1983), Eq. 1.7.
 */
function standardDeviation(values: readonly number[]): number {
  const n = values.length;
  const average = mean(values);
  const deviations = values.map((value) => value - average);
  const squares = deviations.reduce((sum, d) => sum + d * d, 0);
  const rest = deviations.reduce((sum, d) => sum + d, 0);
  return Math.sqrt(Math.max(0, squares - (rest * rest) / n) / (n - 1));
}

/** Of values in ascending order; of an even number of them the mean of the two in the middle. Of none, NaN. */
export function medianOfSorted(sorted: ArrayLike<number>): number {
  const { length } = sorted;
  const upper = sorted[length >> 1] ?? Number.NaN;
  return length % 2 === 1 ? upper : (sorted[(length >> 1) - 1]! + upper) / 2;
}

/** One standard deviation for several groups around their own means, weighted by n - 1; undefined where all have one value. */
export function pooledDeviation(groups: readonly Sample[]): number | undefined {
  const freedom = groups.reduce((sum, { n }) => sum + n - 1, 0);
  if (freedom === 0) return undefined;
  return Math.sqrt(groups.reduce((sum, { n, sd = 0 }) => sum + (n - 1) * sd * sd, 0) / freedom);
}

/**
 * Quantile of Student's t, p in (0, 1), for a whole number of degrees of freedom. With t = sqrt(nu) tan(theta), theta has
 * the density c cos^(nu - 1)(theta), and its integral is a finite sum (Abramowitz and Stegun, 26.7.3 and 26.7.4). Solved
 * for theta by Newton's method inside a shrinking bracket. As many terms as nu / 2.
 */
export function tQuantile(p: number, nu: number): number {
  if (p < 0.5) return -tQuantile(1 - p, nu);
  const inside = 2 * p - 1; // P(-t < T < t)
  const density = angleDensity(nu);
  let [low, high, theta] = [0, Math.PI / 2, Math.min(1, inside / (2 * density))];
  for (let i = 0; i < 200 && high - low > 1e-16 * high; i++) {
    const excess = withinAngle(theta, nu) - inside;
    if (excess > 0) high = theta;
    else low = theta;
    const newton = theta - excess / (2 * density * Math.cos(theta) ** (nu - 1));
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (next === theta || excess === 0) break;
    theta = next;
  }
  return Math.sqrt(nu) * Math.tan(theta);
}

/** P(-theta < angle < theta): A(t|nu) of Abramowitz and Stegun, 26.7.3 for odd nu and 26.7.4 for even. */
function withinAngle(theta: number, nu: number): number {
  const [sin, cos] = [Math.sin(theta), Math.cos(theta)];
  const odd = nu % 2 === 1;
  let [term, sum] = [odd ? cos : 1, 0];
  for (let k = odd ? 1 : 0; k <= nu - 2; k += 2) {
    sum += term;
    term *= (cos * cos * (k + 1)) / (k + 2);
  }
  return odd ? (2 / Math.PI) * (theta + sin * sum) : sin * sum;
}

/** Gamma((nu + 1) / 2) / (sqrt(pi) Gamma(nu / 2)): the density of the angle at 0. */
function angleDensity(nu: number): number {
  let density = nu % 2 === 1 ? 1 / Math.PI : 1 / 2;
  for (let k = nu % 2 === 1 ? 1 : 2; k < nu; k += 2) density *= (k + 1) / k;
  return density;
}

const t975 = memoize((nu: number) => tQuantile(0.975, nu));
const t80 = memoize((nu: number) => tQuantile(0.8, nu));

/** From here on Student's t is the normal distribution as far as a plan needs it: t.975 is 1.9623, not 1.9600. */
const MANY = 1000;
const MOST = 1e9;

/**
 * How many pairs a two-sided paired t-test at 5 % needs to see a difference `delta` with about 80 % power, where pairs
 * differ by `sd` around it: the least n >= 2 with n >= ((t.975 + t.80) sd / delta)^2, t at n - 1 degrees of freedom (Dupont
 * and Plummer, Power and sample size calculations, Controlled Clinical Trials 11, 1990). undefined where a billion is too few.
 */
export function seedsNeeded(sd: number, delta: number): number | undefined {
  const ratio = Math.abs(sd / delta);
  const wanted = (n: number) => {
    const nu = Math.min(n - 1, MANY);
    return ((t975(nu) + t80(nu)) * ratio) ** 2;
  };
  if (!(wanted(MOST) <= MOST)) return undefined;
  let [low, high] = [2, MOST];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (middle >= wanted(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}
