// What one step does around its products, over flat arrays as the kernels have them: rows are the batch. `tanh` and
// `sigmoid` are the caller's: JavaScript's, or the kernels' own to compare every bit around them.

export interface Functions {
  readonly tanh: (x: number) => number;
  readonly sigmoid: (x: number) => number;
  /** To the numbers of a lower precision: operands and every result. */
  readonly round?: (x: number) => number;
}

const exactly = (x: number): number => x;

const at = (x: ArrayLike<number>, i: number): number => {
  const value = x[i];
  if (value === undefined) throw new RangeError(`[${i}] of ${x.length} elements`);
  return value;
};

/** h = tanh(z). */
export function rnnGatesForward(
  z: Float64Array,
  { tanh, round = exactly }: Functions,
): Float64Array {
  return z.map((value) => tanh(round(value)));
}

/** dz = (1 − h²)·(dy + dh). */
export function rnnGatesBackward(
  h: Float64Array,
  dy: Float64Array,
  dh: Float64Array,
): Float64Array {
  return h.map((a, j) => (1 - a * a) * (at(dy, j) + at(dh, j)));
}

/** gates (m, 4·na) hold blocks i, f, g, o; the other operands are (m, na). */
export interface LstmStep {
  readonly m: number;
  readonly na: number;
  readonly gates: Float64Array;
  readonly cPrev: Float64Array;
}

/** i, f, o = σ(z); g = tanh(z); c = f·cPrev + i·g; h = o·tanh(c). `gates` are pre-activations z. */
export function lstmGatesForward(
  { m, na, gates: z, cPrev }: LstmStep,
  { tanh, sigmoid, round = exactly }: Functions,
) {
  const value = (x: Float64Array, i: number): number => round(at(x, i));
  const gates = new Float64Array(z.length);
  const c = new Float64Array(m * na);
  const h = new Float64Array(m * na);
  for (let r = 0; r < m; r++) {
    for (let j = 0; j < na; j++) {
      const row = r * 4 * na + j;
      const i = sigmoid(value(z, row));
      const f = sigmoid(value(z, row + na));
      const g = tanh(value(z, row + 2 * na));
      const o = sigmoid(value(z, row + 3 * na));
      gates[row] = i;
      gates[row + na] = f;
      gates[row + 2 * na] = g;
      gates[row + 3 * na] = o;
      const memory = round(round(f * value(cPrev, r * na + j)) + round(i * g));
      c[r * na + j] = memory;
      h[r * na + j] = round(o * tanh(memory));
    }
  }
  return { gates, c, h };
}

/**
 * With δ = dy + dh, γ = dc + δ·o·(1 − tanh²c): dzᵢ = γ·g·i·(1 − i); dz_f = γ·cPrev·f·(1 − f); dz_g = γ·i·(1 − g²);
 * dzₒ = δ·tanh(c)·o·(1 − o); dc = γ·f. `gates` are activated.
 */
export function lstmGatesBackward(
  { m, na, gates, cPrev }: LstmStep,
  { c, dy, dh, dc }: { [name in "c" | "dy" | "dh" | "dc"]: Float64Array },
  { tanh }: Pick<Functions, "tanh">,
) {
  const dz = new Float64Array(m * 4 * na);
  const dcPrev = new Float64Array(m * na);
  for (let r = 0; r < m; r++) {
    for (let j = 0; j < na; j++) {
      const [row, state] = [r * 4 * na + j, r * na + j];
      const i = at(gates, row);
      const f = at(gates, row + na);
      const g = at(gates, row + 2 * na);
      const o = at(gates, row + 3 * na);
      const memory = tanh(at(c, state));
      const delta = at(dy, state) + at(dh, state);
      const gamma = at(dc, state) + delta * o * (1 - memory * memory);
      dz[row] = gamma * g * (i * (1 - i));
      dz[row + na] = gamma * at(cPrev, state) * (f * (1 - f));
      dz[row + 2 * na] = gamma * i * (1 - g * g);
      dz[row + 3 * na] = delta * memory * (o * (1 - o));
      dcPrev[state] = gamma * f;
    }
  }
  return { dz, dcPrev };
}

/** gates (m, 4·na) hold blocks n, r, z, q; hPrev is (m, na). */
export interface GruStep {
  readonly m: number;
  readonly na: number;
  readonly gates: Float64Array;
  readonly hPrev: Float64Array;
}

/** r, z = σ(·); n = tanh(n + r·q); h = (1 − z)·n + z·hPrev. `gates` are pre-activations, and q the recurrent part of n. */
export function gruGatesForward(
  { m, na, gates: pre, hPrev }: GruStep,
  { tanh, sigmoid, round = exactly }: Functions,
) {
  const gates = pre.map(round);
  const h = new Float64Array(m * na);
  for (let b = 0; b < m; b++) {
    for (let j = 0; j < na; j++) {
      const row = b * 4 * na + j;
      const r = sigmoid(at(gates, row + na));
      const z = sigmoid(at(gates, row + 2 * na));
      const n = tanh(round(at(gates, row) + round(r * at(gates, row + 3 * na))));
      gates[row] = n;
      gates[row + na] = r;
      gates[row + 2 * na] = z;
      const kept = round(z * round(at(hPrev, b * na + j)));
      h[b * na + j] = round(kept + round(round(1 - z) * n));
    }
  }
  return { gates, h };
}

/**
 * With δ = dy + dh: dn = δ·(1 − z)·(1 − n²); dr = dn·q·r·(1 − r); dz = δ·(hPrev − n)·z·(1 − z); dq = dn·r; dh = δ·z.
 * `gates` are activated.
 */
export function gruGatesBackward(
  { m, na, gates, hPrev }: GruStep,
  { dy, dh }: { [name in "dy" | "dh"]: Float64Array },
) {
  const dz = new Float64Array(m * 4 * na);
  const direct = new Float64Array(m * na);
  for (let b = 0; b < m; b++) {
    for (let j = 0; j < na; j++) {
      const [row, state] = [b * 4 * na + j, b * na + j];
      const n = at(gates, row);
      const r = at(gates, row + na);
      const z = at(gates, row + 2 * na);
      const delta = at(dy, state) + at(dh, state);
      const dn = delta * (1 - z) * (1 - n * n);
      dz[row] = dn;
      dz[row + na] = dn * at(gates, row + 3 * na) * (r * (1 - r));
      dz[row + 2 * na] = delta * (at(hPrev, state) - n) * (z * (1 - z));
      dz[row + 3 * na] = dn * r;
      direct[state] = delta * z;
    }
  }
  return { dz, dh: direct };
}
