// Functions of which a host's own, Math.cos and Math.pow, may differ in the last bit: these are the same everywhere.

/** cos x by a fixed series: |x| ≤ π, error below 1e-15. */
export function cosine(x: number): number {
  // cos x = 1 − 2 sin²(x/2), and sin of |y| ≤ π/2 by its Taylor series to y²¹.
  const y = x / 2;
  const z = y * y;
  let sum = 0;
  for (let n = 10; n >= 0; n--) sum = n === 0 ? 1 + sum : (-z / (2 * n * (2 * n + 1))) * (1 + sum);
  const sin = y * sum;
  return 1 - 2 * sin * sin;
}

/** γⁿ for an integer n ≥ 0, by products alone. */
export function power(gamma: number, n: number): number {
  let product = 1;
  let square = gamma;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) product *= square;
    square *= square;
  }
  return product;
}
