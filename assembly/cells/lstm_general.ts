// One step of an LSTM around its products, with any activations, a clip, peepholes and coupled gates. A row holds eight blocks
// of na units, the order of lstm.ts twice: pre-activations, which the backward pass needs too, then what came of them.
//
//     | i  f  g  o | i' f' g' o' |
//
// Whole blocks are gone through one function at a time.

import { F, G, H } from "../base/activations";
import { addProduct, loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { activation_map, activationBackward } from "../blas/activations";
import { addProducts, multiply } from "../blas/products";

/**
 * i' = f(i + pᵢ·cPrev); f' = f(f + p_f·cPrev), or 1 − i' if the gates are coupled; g' = g(g); c = f'·cPrev + i'·g';
 * o' = f(o + pₒ·c); h = o'·h(c). As in onnxruntime the clip bounds what goes into f and g, with its peephole's part, but
 * neither c nor what goes into h; and coupled gates have no use for f or p_f.
 *
 * - m, na:      rows (the batch) and units
 * - activations:  in; the record, drawn in base/activations
 * - coupled:    not 0: f' is 1 − i'
 * - peepholes:  in; (3·na), in the order pᵢ p_f pₒ; 0 (no pointer): none
 * - cPrev:      in; (m, na)
 * - rows:       in/out; (m, 8·na): i f g o without the peepholes' parts before, with them (f as it was if coupled), but not
 *               clamped, after; i' f' g' o' set
 * - c:          out, set; (m, na); may be cPrev itself
 * - h:          out, set; (m, na)
 *
 * Tail: what is left of a row goes through the same arithmetic in the lanes it needs.
 */
export function lstm_general_forward<T>(
  m: usize,
  na: usize,
  activations: usize,
  coupled: i32,
  peepholes: usize,
  cPrev: usize,
  rows: usize,
  c: usize,
  h: usize,
): void {
  const block = na * sizeof<T>();
  const gated: usize = coupled === 0 ? 2 * na : na; // i, and f beside it
  for (let r: usize = 0; r < m; r++) {
    const active = rows + 4 * block;
    if (peepholes !== 0) {
      addProducts<T>(na, peepholes, cPrev, rows);
      if (coupled === 0) addProducts<T>(na, peepholes + block, cPrev, rows + block);
    }
    activation_map<T>(gated, activations, F, rows, active);
    if (coupled !== 0) complement<T>(block, active, active + block);
    activation_map<T>(na, activations, G, rows + 2 * block, active + 2 * block);
    remember<T>(block, cPrev, active, c);
    if (peepholes !== 0) addProducts<T>(na, peepholes + 2 * block, c, rows + 3 * block);
    activation_map<T>(na, activations, F, rows + 3 * block, active + 3 * block);
    activation_map<T>(na, activations, H, c, h);
    multiply<T>(na, active + 3 * block, h, h);
    cPrev += block;
    rows += 8 * block;
    c += block;
    h += block;
  }
}

// Below, `block` is na in bytes, and a pointer is that of a row's block.

/** f = 1 − i. */
function complement<T>(block: usize, i: usize, f: usize): void {
  const one = v128.splat<T>(<T>1);
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    storeLanes<T>(f + at, v128.sub<T>(one, loadLanes<T>(i + at, live)), live);
  }
}

/** c = f·cPrev + i·g. */
function remember<T>(block: usize, cPrev: usize, active: usize, c: usize): void {
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    const i = loadLanes<T>(active + at, live);
    const f = loadLanes<T>(active + block + at, live);
    const g = loadLanes<T>(active + 2 * block + at, live);
    const kept = v128.mul<T>(f, loadLanes<T>(cPrev + at, live));
    storeLanes<T>(c + at, addProduct<T>(kept, i, g), live);
  }
}

/**
 * The derivative of `lstm_general_forward`, with δ = dy + dh and slopes that are 0 where a pre-activation is clamped:
 * dzₒ = δ·h(c)·f'(o); γ = dc + δ·o'·h'(c) + pₒ·dzₒ; dz_g = γ·i'·g'(g); dzᵢ = γ·g'·f'(i); dz_f = γ·cPrev·f'(f);
 * dc = γ·f' + pᵢ·dzᵢ + p_f·dz_f. Coupled: dzᵢ = γ·(g' − cPrev)·f'(i), dz_f = 0.
 *
 * - m, na:      rows (the batch) and units
 * - activations, coupled, peepholes:  in; as in `lstm_general_forward`
 * - rows:       in; (m, 8·na) as `lstm_general_forward` left them
 * - cPrev, c:   in; (m, na)
 * - dy:         in; (m, na) gradient that reaches h at this step from outside
 * - dh:         in; (m, na) gradient that reaches h from the next step
 * - dc:         in/out; (m, na): gradient of c before, of cPrev after
 * - dz:         out, set; (m, 4·na), blocks i f g o; overlaps nothing
 *
 * The peepholes' gradients are the sums over rows of dzᵢ·cPrev, dz_f·cPrev and dzₒ·c: `add_product_rows`.
 * Tail: for odd na the last unit of a row goes through the same arithmetic gated.
 */
export function lstm_general_backward(
  m: usize,
  na: usize,
  activations: usize,
  coupled: i32,
  peepholes: usize,
  rows: usize,
  cPrev: usize,
  c: usize,
  dy: usize,
  dh: usize,
  dc: usize,
  dz: usize,
): void {
  const block = na * sizeof<f64>();
  const gated: usize = coupled === 0 ? 2 * na : na; // i, and f beside it
  for (let r: usize = 0; r < m; r++) {
    const active = rows + 4 * block;
    const dg = dz + 2 * block;
    const dO = dz + 3 * block;
    // h(c) waits in the place of dzₒ, and what reaches c through it in that of dz_g.
    activation_map<f64>(na, activations, H, c, dO);
    timesDelta(block, dy, dh, active + 3 * block, dg);
    activationBackward(na, activations, H, c, dO, dg);
    timesDelta(block, dy, dh, dO, dO);
    activationBackward(na, activations, F, rows + 3 * block, active + 3 * block, dO);
    if (peepholes !== 0) addProducts<f64>(na, peepholes + 2 * block, dO, dg);
    gatesBackward(block, coupled, active, cPrev, dc, dz);
    activationBackward(na, activations, G, rows + 2 * block, active + 2 * block, dg);
    activationBackward(gated, activations, F, rows, active, dz);
    if (peepholes !== 0) {
      addProducts<f64>(na, peepholes, dz, dc);
      if (coupled === 0) addProducts<f64>(na, peepholes + block, dz + block, dc);
    }
    rows += 8 * block;
    cPrev += block;
    c += block;
    dy += block;
    dh += block;
    dc += block;
    dz += 4 * block;
  }
}

/** y = δ·x. */
function timesDelta(block: usize, dy: usize, dh: usize, x: usize, y: usize): void {
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<f64>();
    const delta = f64x2.add(loadLanes<f64>(dy + at, live), loadLanes<f64>(dh + at, live));
    storeLanes<f64>(y + at, f64x2.mul(delta, loadLanes<f64>(x + at, live)), live);
  }
}

/** With γ = dc + dz_g: dzᵢ, dz_f and dz_g before their slopes, and dc = γ·f'. */
function gatesBackward(
  block: usize,
  coupled: i32,
  active: usize,
  cPrev: usize,
  dc: usize,
  dz: usize,
): void {
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<f64>();
    const to = dz + at;
    const dcAll = f64x2.add(loadLanes<f64>(dc + at, live), loadLanes<f64>(to + 2 * block, live));
    const i = loadLanes<f64>(active + at, live);
    const f = loadLanes<f64>(active + block + at, live);
    const g = loadLanes<f64>(active + 2 * block + at, live);
    const kept = loadLanes<f64>(cPrev + at, live);
    storeLanes<f64>(dc + at, f64x2.mul(dcAll, f), live);
    storeLanes<f64>(to + 2 * block, f64x2.mul(dcAll, i), live);
    const change = coupled === 0 ? g : f64x2.sub(g, kept);
    storeLanes<f64>(to, f64x2.mul(dcAll, change), live);
    const df = coupled === 0 ? f64x2.mul(dcAll, kept) : f64x2.splat(0);
    storeLanes<f64>(to + block, df, live);
  }
}
