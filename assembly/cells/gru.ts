// One time step of a GRU after its products; the reset gate is applied after the recurrent product. A row of gates has four
// blocks of na units, in an order that makes the blocks of each product contiguous:
//
//     | n  candidate | r  reset | z  update | q  recurrent part of n |
//     └────── from the input ──────┘
//                    └─────── from the hidden state ────────┘

import { addProduct, loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { sigmoid_map, tanh_map } from "../blas/map";

/**
 * r, z = σ(·); n = tanh(n + r·q); h = (1 − z)·n + z·hPrev.
 *
 * - m, na:  rows (the batch) and units
 * - hPrev:  in; (m, na)
 * - gates:  in/out; (m, 4·na): before, the pre-activations of r and z, the input's part of n, the recurrent part q of n, all with
 *           their biases; after, n, r, z activated and q unchanged
 * - h:      out, set; (m, na); may be hPrev itself
 *
 * No other overlap. Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function gru_gates_forward<T>(
  m: usize,
  na: usize,
  hPrev: usize,
  gates: usize,
  h: usize,
): void {
  // Loop by loop, as in lstm.ts.
  const block = na * sizeof<T>();
  for (let row: usize = 0; row < m; row++) {
    sigmoid_map<T>(2 * na, gates + block, gates + block);
    addReset<T>(na, gates);
    tanh_map<T>(na, gates, gates);
    blend<T>(na, hPrev, gates, h);
    gates += 4 * block;
    hPrev += block;
    h += block;
  }
}

/** n += r·q. */
function addReset<T>(na: usize, gates: usize): void {
  const block = na * sizeof<T>();
  const whole = block & ~(VECTOR - 1);
  const r = gates + block;
  const q = gates + 3 * block;
  for (let at: usize = 0; at < whole; at += VECTOR) {
    const n = v128.load(gates + at);
    v128.store(gates + at, addProduct<T>(n, v128.load(r + at), v128.load(q + at)));
  }
  if (whole < block) {
    const live = (block - whole) / sizeof<T>();
    const reset = loadLanes<T>(r + whole, live);
    const n = addProduct<T>(
      loadLanes<T>(gates + whole, live),
      reset,
      loadLanes<T>(q + whole, live),
    );
    storeLanes<T>(gates + whole, n, live);
  }
}

/** h = (1 − z)·n + z·hPrev. */
function blend<T>(na: usize, hPrev: usize, gates: usize, h: usize): void {
  const one = v128.splat<T>(<T>1);
  const block = na * sizeof<T>();
  const whole = block & ~(VECTOR - 1);
  const z = gates + 2 * block;
  for (let at: usize = 0; at < whole; at += VECTOR) {
    const update = v128.load(z + at);
    const kept = v128.mul<T>(update, v128.load(hPrev + at));
    const rest = v128.sub<T>(one, update);
    v128.store(h + at, addProduct<T>(kept, rest, v128.load(gates + at)));
  }
  if (whole < block) {
    const live = (block - whole) / sizeof<T>();
    const update = loadLanes<T>(z + whole, live);
    const kept = v128.mul<T>(update, loadLanes<T>(hPrev + whole, live));
    const rest = v128.sub<T>(one, update);
    storeLanes<T>(h + whole, addProduct<T>(kept, rest, loadLanes<T>(gates + whole, live)), live);
  }
}

/**
 * The derivative of `gru_gates_forward`. With δ = dy + dh, the blocks of dGates are dn = δ·(1 − z)·(1 − n²); dr = dn·q·r·(1 − r);
 * dz = δ·(hPrev − n)·z·(1 − z); dq = dn·r; then dh = δ·z, the part of hPrev's gradient that passes through no product.
 *
 * - m, na:  rows (the batch) and units
 * - hPrev:  in; (m, na)
 * - gates:  in; (m, 4·na), as left by `gru_gates_forward`
 * - dy:     in; (m, na), gradient of h at this step from outside
 * - dh:     in/out; (m, na): gradient of h from the next step before, the direct part of hPrev's gradient after
 * - dGates: out, set; (m, 4·na), blocks in the order of gates: dn dr dz belong to the input's product, dr dz dq to the recurrent
 *           one; overlaps nothing
 *
 * Tail: for odd na the last unit of a row is computed alone, by the same arithmetic.
 */
export function gru_gates_backward(
  m: usize,
  na: usize,
  hPrev: usize,
  gates: usize,
  dy: usize,
  dh: usize,
  dGates: usize,
): void {
  const block = na * sizeof<f64>();
  for (let row: usize = 0; row < m; row++) {
    unitsBackward(block, hPrev, gates, dy, dh, dGates);
    hPrev += block;
    gates += 4 * block;
    dy += block;
    dh += block;
    dGates += 4 * block;
  }
}

/** One row of `gru_gates_backward`; `block` is na in bytes. */
function unitsBackward(
  block: usize,
  hPrev: usize,
  gates: usize,
  dy: usize,
  dh: usize,
  dGates: usize,
): void {
  const one = f64x2.splat(1);
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<f64>();
    const from = gates + at;
    const to = dGates + at;
    const n = loadLanes<f64>(from, live);
    const r = loadLanes<f64>(from + block, live);
    const z = loadLanes<f64>(from + 2 * block, live);
    const q = loadLanes<f64>(from + 3 * block, live);
    const d = f64x2.add(loadLanes<f64>(dy + at, live), loadLanes<f64>(dh + at, live));
    storeLanes<f64>(dh + at, f64x2.mul(d, z), live);
    const rest = f64x2.sub(one, z);
    const change = f64x2.mul(d, f64x2.sub(loadLanes<f64>(hPrev + at, live), n));
    storeLanes<f64>(to + 2 * block, f64x2.mul(change, f64x2.mul(z, rest)), live);
    const slope = f64x2.sub(one, f64x2.mul(n, n));
    const dn = f64x2.mul(f64x2.mul(d, rest), slope);
    storeLanes<f64>(to, dn, live);
    storeLanes<f64>(to + 3 * block, f64x2.mul(dn, r), live);
    const dr = f64x2.mul(f64x2.mul(dn, q), f64x2.mul(r, f64x2.sub(one, r)));
    storeLanes<f64>(to + block, dr, live);
  }
}
