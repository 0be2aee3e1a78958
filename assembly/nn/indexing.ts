// Picking and placing by indices that are known only when the graph runs. Indices are f64; a negative one counts from the
// end. Each kernel returns 1 if an index is out of range (what it would touch is not touched), else 0.

// @ts-ignore: decorator
@inline
function place(index: f64, extent: usize): isize {
  const at = index < 0 ? index + <f64>extent : index;
  return at >= 0 && at < <f64>extent ? <isize>at : -1;
}

/**
 * y[o, k, ·] = x[o, indices[k], ·].
 *
 * - item:                    bytes of one number
 * - outer, n, inner, count:  extents
 * - x:                       in; (outer, n, inner)
 * - indices:                 in; (count) f64
 * - y:                       out, set; (outer, count, inner)
 */
export function gather_axis(
  item: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
  x: usize,
  indices: usize,
  y: usize,
): i32 {
  const bytes = inner * item;
  for (let k: usize = 0; k < count; k++) {
    if (place(f64.load(indices + k * sizeof<f64>()), n) < 0) return 1;
  }
  for (let o: usize = 0; o < outer; o++) {
    for (let k: usize = 0; k < count; k++) {
      const at = <usize>place(f64.load(indices + k * sizeof<f64>()), n);
      memory.copy(y, x + at * bytes, bytes);
      y += bytes;
    }
    x += n * bytes;
  }
  return 0;
}

/**
 * y[o, k, i] = x[o, indices[o, k, i], i] where the other axes of x and of the indices have the same extents.
 *
 * - x:        in; (outer, n, inner)
 * - indices:  in; (outer, count, inner) f64
 * - y:        out, set; (outer, count, inner)
 */
export function gather_elements(
  item: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
  x: usize,
  indices: usize,
  y: usize,
): i32 {
  for (let o: usize = 0; o < outer; o++) {
    for (let k: usize = 0; k < count; k++) {
      for (let i: usize = 0; i < inner; i++) {
        const at = place(f64.load(indices), n);
        if (at < 0) return 1;
        const from = x + (<usize>at * inner + i) * item;
        if (item === 8) f64.store(y, f64.load(from));
        else f32.store(y, f32.load(from));
        indices += sizeof<f64>();
        y += item;
      }
    }
    x += n * inner * item;
  }
  return 0;
}

/**
 * y[indices[r]] = updates[r]: blocks of `block` numbers, placed by tuples of indices into the leading axes of y.
 *
 * - depth:    indices of one tuple
 * - extents:  in; (depth) i32, the leading extents of y
 * - block:    numbers at each place
 * - count:    tuples
 * - indices:  in; (count, depth) f64
 * - updates:  in; (count, block)
 * - y:        in/out, set where a tuple points to
 */
export function scatter_blocks(
  item: usize,
  depth: usize,
  extents: usize,
  block: usize,
  count: usize,
  indices: usize,
  updates: usize,
  y: usize,
): i32 {
  const bytes = block * item;
  for (let r: usize = 0; r < count; r++) {
    let at: usize = 0;
    for (let d: usize = 0; d < depth; d++) {
      const extent = <usize>load<i32>(extents + d * sizeof<i32>());
      const index = place(f64.load(indices), extent);
      if (index < 0) return 1;
      at = at * extent + <usize>index;
      indices += sizeof<f64>();
    }
    memory.copy(y + at * bytes, updates, bytes);
    updates += bytes;
  }
  return 0;
}

/** Whether a goes before b in the order asked for; a NaN goes first among the largest. */
// @ts-ignore: decorator
@inline
function before<T>(largest: i32, a: T, b: T): bool {
  if (largest) return a > b || (a !== a && b === b);
  return a < b || (b !== b && a === a);
}

function top<T>(
  largest: i32,
  outer: usize,
  n: usize,
  inner: usize,
  k: usize,
  x: usize,
  values: usize,
  indices: usize,
): void {
  const item = sizeof<T>();
  for (let o: usize = 0; o < outer; o++) {
    for (let i: usize = 0; i < inner; i++) {
      // Insertion into a sorted list of at most k: of equal numbers the first stays first.
      const toValue = values + (o * k * inner + i) * item;
      const toIndex = indices + (o * k * inner + i) * sizeof<f64>();
      let held: usize = 0;
      for (let j: usize = 0; j < n; j++) {
        const value = load<T>(x + (j * inner + i) * item);
        let at = held;
        while (at > 0 && before<T>(largest, value, load<T>(toValue + (at - 1) * inner * item)))
          at--;
        if (at === k) continue;
        if (held < k) held++;
        for (let s = held - 1; s > at; s--) {
          store<T>(toValue + s * inner * item, load<T>(toValue + (s - 1) * inner * item));
          const index = f64.load(toIndex + (s - 1) * inner * sizeof<f64>());
          f64.store(toIndex + s * inner * sizeof<f64>(), index);
        }
        store<T>(toValue + at * inner * item, value);
        f64.store(toIndex + at * inner * sizeof<f64>(), <f64>j);
      }
    }
    x += n * inner * item;
  }
}

/**
 * The k largest (or least, if `largest` is 0) numbers of x[o, ·, i] in order, and where they are.
 *
 * - x:        in; (outer, n, inner), n ≥ k
 * - values:   out, set; (outer, k, inner)
 * - indices:  out, set; (outer, k, inner) f64
 */
export function top_rows(
  item: usize,
  largest: i32,
  outer: usize,
  n: usize,
  inner: usize,
  k: usize,
  x: usize,
  values: usize,
  indices: usize,
): void {
  if (item === 8) top<f64>(largest, outer, n, inner, k, x, values, indices);
  else top<f32>(largest, outer, n, inner, k, x, values, indices);
}
