// Reductions along one axis of a dense array (outer, n, inner). Sums are kept in f64, in the order of the axis, never split:
// an output's bits depend on its own n numbers alone.

/** Mirrored by REDUCE of src/graph/codes.ts. */
enum Reduce {
  SUM,
  MEAN,
  MAXIMUM,
  MINIMUM,
  PRODUCT,
  L1,
  L2,
  SUM_OF_SQUARES,
}

function one<T>(kind: i32, n: usize, step: usize, x: usize): f64 {
  let result: f64 = 0;
  if (kind === Reduce.PRODUCT) result = 1;
  else if (kind === Reduce.MAXIMUM) result = -Infinity;
  else if (kind === Reduce.MINIMUM) result = Infinity;
  for (let i: usize = 0; i < n; i++) {
    const value = <f64>load<T>(x);
    if (kind <= Reduce.MEAN) result += value;
    else if (kind === Reduce.MAXIMUM) result = max<f64>(result, value);
    else if (kind === Reduce.MINIMUM) result = min<f64>(result, value);
    else if (kind === Reduce.PRODUCT) result *= value;
    else if (kind === Reduce.L1) result += abs<f64>(value);
    else result += value * value;
    x += step;
  }
  if (kind === Reduce.MEAN) return result / <f64>n;
  return kind === Reduce.L2 ? sqrt<f64>(result) : result;
}

/** Four sums, or means, of n numbers `step` bytes apart, `next` bytes from one to the next: four chains, which do not wait for one another. */
function fourSums<T>(kind: i32, n: usize, step: usize, next: usize, x: usize, y: usize): void {
  let a: f64 = 0;
  let b: f64 = 0;
  let c: f64 = 0;
  let d: f64 = 0;
  for (let i: usize = 0; i < n; i++) {
    a += <f64>load<T>(x);
    b += <f64>load<T>(x + next);
    c += <f64>load<T>(x + 2 * next);
    d += <f64>load<T>(x + 3 * next);
    x += step;
  }
  if (kind === Reduce.MEAN) {
    const count = <f64>n;
    a /= count;
    b /= count;
    c /= count;
    d /= count;
  }
  store<T>(y, <T>a);
  store<T>(y + sizeof<T>(), <T>b);
  store<T>(y + 2 * sizeof<T>(), <T>c);
  store<T>(y + 3 * sizeof<T>(), <T>d);
}

function reduce<T>(kind: i32, outer: usize, n: usize, inner: usize, x: usize, y: usize): void {
  const item = sizeof<T>();
  const isSum = kind <= Reduce.MEAN;
  if (inner === 1) {
    const row = n * item;
    for (; isSum && outer >= 4; outer -= 4) {
      fourSums<T>(kind, n, item, row, x, y);
      x += 4 * row;
      y += 4 * item;
    }
  }
  for (let o: usize = 0; o < outer; o++) {
    let i: usize = 0;
    for (; isSum && i + 4 <= inner; i += 4) {
      fourSums<T>(kind, n, inner * item, item, x + i * item, y);
      y += 4 * item;
    }
    for (; i < inner; i++) {
      store<T>(y, <T>one<T>(kind, n, inner * item, x + i * item));
      y += item;
    }
    x += n * inner * item;
  }
}

/**
 * y[o, i] = the sum, mean, … of x[o, ·, i].
 *
 * - item:             bytes of one number
 * - kind:             see above; an empty maximum is −Infinity, a NaN makes its output NaN
 * - outer, n, inner:  extents
 * - x:                in; (outer, n, inner)
 * - y:                out, set; (outer, inner); must not overlap x
 */
export function reduce_rows(
  item: usize,
  kind: i32,
  outer: usize,
  n: usize,
  inner: usize,
  x: usize,
  y: usize,
): void {
  if (item === 8) reduce<f64>(kind, outer, n, inner, x, y);
  else reduce<f32>(kind, outer, n, inner, x, y);
}

function arg<T>(
  least: i32,
  last: i32,
  outer: usize,
  n: usize,
  inner: usize,
  x: usize,
  y: usize,
): void {
  const step = inner * sizeof<T>();
  for (let o: usize = 0; o < outer; o++) {
    for (let i: usize = 0; i < inner; i++) {
      let from = x + i * sizeof<T>();
      let best = load<T>(from);
      let place: usize = 0;
      for (let j: usize = 1; j < n; j++) {
        from += step;
        const value = load<T>(from);
        const better = least ? value < best : value > best;
        if (better || (last && value === best) || (value !== value && best === best)) {
          best = value;
          place = j;
        }
      }
      f64.store(y, <f64>place);
      y += sizeof<f64>();
    }
    x += n * step;
  }
}

/**
 * y[o, i] = where the greatest of x[o, ·, i] is, or the least if `least` is 1; of equal ones the first, or the last if `last`
 * is 1. A NaN counts as the greatest and the least.
 *
 * - x:  in; (outer, n, inner), n ≥ 1
 * - y:  out, set; (outer, inner) f64; must not overlap x
 */
export function arg_rows(
  item: usize,
  least: i32,
  last: i32,
  outer: usize,
  n: usize,
  inner: usize,
  x: usize,
  y: usize,
): void {
  if (item === 8) arg<f64>(least, last, outer, n, inner, x, y);
  else arg<f32>(least, last, outer, n, inner, x, y);
}

function accumulate<T>(
  exclusive: i32,
  reverse: i32,
  outer: usize,
  n: usize,
  inner: usize,
  x: usize,
  y: usize,
): void {
  const step = inner * sizeof<T>();
  for (let o: usize = 0; o < outer; o++) {
    for (let i: usize = 0; i < inner; i++) {
      const start = (o * n * inner + i) * sizeof<T>();
      let sum: f64 = 0;
      for (let j: usize = 0; j < n; j++) {
        const at = start + (reverse ? n - 1 - j : j) * step;
        const value = <f64>load<T>(x + at);
        if (!exclusive) sum += value;
        store<T>(y + at, <T>sum);
        if (exclusive) sum += value;
      }
    }
  }
}

/**
 * y[o, j, i] = x[o, 0, i] + … + x[o, j, i]; without the last term if `exclusive` is 1, from the end if `reverse` is 1.
 *
 * - x:  in; (outer, n, inner)
 * - y:  out, set; the same shape; must not overlap x
 */
export function cumulate_rows(
  item: usize,
  exclusive: i32,
  reverse: i32,
  outer: usize,
  n: usize,
  inner: usize,
  x: usize,
  y: usize,
): void {
  if (item === 8) accumulate<f64>(exclusive, reverse, outer, n, inner, x, y);
  else accumulate<f32>(exclusive, reverse, outer, n, inner, x, y);
}
