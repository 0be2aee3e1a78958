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
 * Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function gru_gates_backward<T>(
  m: usize,
  na: usize,
  hPrev: usize,
  gates: usize,
  dy: usize,
  dh: usize,
  dGates: usize,
): void {
  const block = na * sizeof<T>();
  for (let row: usize = 0; row < m; row++) {
    unitsBackward<T>(block, hPrev, gates, dy, dh, dGates);
    hPrev += block;
    gates += 4 * block;
    dy += block;
    dh += block;
    dGates += 4 * block;
  }
}

/** One row of `gru_gates_backward`; `block` is na in bytes. */
function unitsBackward<T>(
  block: usize,
  hPrev: usize,
  gates: usize,
  dy: usize,
  dh: usize,
  dGates: usize,
): void {
  const one = v128.splat<T>(<T>1);
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    const from = gates + at;
    const to = dGates + at;
    const n = loadLanes<T>(from, live);
    const r = loadLanes<T>(from + block, live);
    const z = loadLanes<T>(from + 2 * block, live);
    const q = loadLanes<T>(from + 3 * block, live);
    const d = v128.add<T>(loadLanes<T>(dy + at, live), loadLanes<T>(dh + at, live));
    storeLanes<T>(dh + at, v128.mul<T>(d, z), live);
    const rest = v128.sub<T>(one, z);
    const change = v128.mul<T>(d, v128.sub<T>(loadLanes<T>(hPrev + at, live), n));
    storeLanes<T>(to + 2 * block, v128.mul<T>(change, v128.mul<T>(z, rest)), live);
    const slope = v128.sub<T>(one, v128.mul<T>(n, n));
    const dn = v128.mul<T>(v128.mul<T>(d, rest), slope);
    storeLanes<T>(to, dn, live);
    storeLanes<T>(to + 3 * block, v128.mul<T>(dn, r), live);
    const dr = v128.mul<T>(v128.mul<T>(dn, q), v128.mul<T>(r, v128.sub<T>(one, r)));
    storeLanes<T>(to + block, dr, live);
  }
}
