// One time step of an LSTM after its products, with any activations, a clip, peepholes and coupled gates. A row of gates has
// eight blocks of na units, the order of lstm.ts twice: the pre-activations, which the backward pass needs too, and the
// activated gates.
//
//     | i  f  g  o | i' f' g' o' |
//
// One function at a time runs over whole blocks.

import { F, G, H } from "../base/activations";
import { addProduct, loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { activation_map, activationBackward } from "../blas/activations";
import { addProducts, multiply } from "../blas/products";

/**
 * i' = f(i + pᵢ·cPrev); f' = f(f + p_f·cPrev), or 1 − i' if the gates are coupled; g' = g(g); c = f'·cPrev + i'·g';
 * o' = f(o + pₒ·c); h = o'·h(c). As in onnxruntime the clip bounds the arguments of f and g with their peepholes' parts, but
 * neither c nor the argument of h. Coupled gates use neither f nor p_f.
 *
 * - m, na:        rows (the batch) and units
 * - activations:  in; the record, drawn in base/activations
 * - coupled:      not 0 if f' is 1 − i'
 * - peepholes:    in; (3·na), in the order pᵢ p_f pₒ; 0 (no pointer) if there are none
 * - cPrev:        in; (m, na)
 * - gates:        in/out; (m, 8·na): i f g o before, to which the peepholes' parts are added (not to f if coupled), and which are
 *                 not clamped; i' f' g' o' set
 * - c:            out, set; (m, na); may be cPrev itself
 * - h:            out, set; (m, na)
 *
 * No other overlap. Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function lstm_general_forward<T>(
  m: usize,
  na: usize,
  activations: usize,
  coupled: i32,
  peepholes: usize,
  cPrev: usize,
  gates: usize,
  c: usize,
  h: usize,
): void {
  const block = na * sizeof<T>();
  const gated: usize = coupled === 0 ? 2 * na : na; // i, and f beside it
  for (let r: usize = 0; r < m; r++) {
    const active = gates + 4 * block;
    if (peepholes !== 0) {
      addProducts<T>(na, peepholes, cPrev, gates);
      if (coupled === 0) addProducts<T>(na, peepholes + block, cPrev, gates + block);
    }
    activation_map<T>(gated, activations, F, gates, active);
    if (coupled !== 0) complement<T>(block, active, active + block);
    activation_map<T>(na, activations, G, gates + 2 * block, active + 2 * block);
    updateCellState<T>(block, cPrev, active, c);
    if (peepholes !== 0) addProducts<T>(na, peepholes + 2 * block, c, gates + 3 * block);
    activation_map<T>(na, activations, F, gates + 3 * block, active + 3 * block);
    activation_map<T>(na, activations, H, c, h);
    multiply<T>(na, active + 3 * block, h, h);
    cPrev += block;
    gates += 8 * block;
    c += block;
    h += block;
  }
}

// Below, `block` is na in bytes, and pointers are those of a block of one row.

/** f = 1 − i. */
function complement<T>(block: usize, i: usize, f: usize): void {
  const one = v128.splat<T>(<T>1);
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    storeLanes<T>(f + at, v128.sub<T>(one, loadLanes<T>(i + at, live)), live);
  }
}

/** c = f·cPrev + i·g. */
function updateCellState<T>(block: usize, cPrev: usize, active: usize, c: usize): void {
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
 * The derivative of `lstm_general_forward`. With δ = dy + dh, and slopes f'(·), g'(·), h'(·) that are 0 where a pre-activation is
 * clamped, the blocks of dGates are do = δ·h(c)·f'(o); dg = γ·i'·g'(g); di = γ·g'·f'(i); df = γ·cPrev·f'(f), where
 * γ = dc + δ·o'·h'(c) + pₒ·do; then dc = γ·f' + pᵢ·di + p_f·df. Coupled: di = γ·(g' − cPrev)·f'(i), df = 0.
 *
 * - m, na:      rows (the batch) and units
 * - activations, coupled, peepholes:  in; as in `lstm_general_forward`
 * - gates:      in; (m, 8·na), as left by `lstm_general_forward`
 * - cPrev, c:   in; (m, na)
 * - dy:         in; (m, na), gradient of h at this step from outside
 * - dh:         in; (m, na), gradient of h from the next step
 * - dc:         in/out; (m, na): gradient of c before, of cPrev after
 * - dGates:     out, set; (m, 4·na), blocks i f g o; overlaps nothing
 *
 * The caller computes the peepholes' gradients, the sums over rows of di·cPrev, df·cPrev and do·c, by `add_product_rows`.
 * Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function lstm_general_backward<T>(
  m: usize,
  na: usize,
  activations: usize,
  coupled: i32,
  peepholes: usize,
  gates: usize,
  cPrev: usize,
  c: usize,
  dy: usize,
  dh: usize,
  dc: usize,
  dGates: usize,
): void {
  const block = na * sizeof<T>();
  const gated: usize = coupled === 0 ? 2 * na : na; // i, and f beside it
  for (let r: usize = 0; r < m; r++) {
    const active = gates + 4 * block;
    const dg = dGates + 2 * block;
    const dO = dGates + 3 * block;
    // The block of do holds h(c) for now, and the block of dg the gradient that reaches c through h(c).
    activation_map<T>(na, activations, H, c, dO);
    timesDelta<T>(block, dy, dh, active + 3 * block, dg);
    activationBackward<T>(na, activations, H, c, dO, dg);
    timesDelta<T>(block, dy, dh, dO, dO);
    activationBackward<T>(na, activations, F, gates + 3 * block, active + 3 * block, dO);
    if (peepholes !== 0) addProducts<T>(na, peepholes + 2 * block, dO, dg);
    gatesBackward<T>(block, coupled, active, cPrev, dc, dGates);
    activationBackward<T>(na, activations, G, gates + 2 * block, active + 2 * block, dg);
    activationBackward<T>(gated, activations, F, gates, active, dGates);
    if (peepholes !== 0) {
      addProducts<T>(na, peepholes, dGates, dc);
      if (coupled === 0) addProducts<T>(na, peepholes + block, dGates + block, dc);
    }
    gates += 8 * block;
    cPrev += block;
    c += block;
    dy += block;
    dh += block;
    dc += block;
    dGates += 4 * block;
  }
}

/** y = δ·x. */
function timesDelta<T>(block: usize, dy: usize, dh: usize, x: usize, y: usize): void {
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    const delta = v128.add<T>(loadLanes<T>(dy + at, live), loadLanes<T>(dh + at, live));
    storeLanes<T>(y + at, v128.mul<T>(delta, loadLanes<T>(x + at, live)), live);
  }
}

/** With γ = dc + dg: di, df and dg without their slopes, and dc = γ·f'. */
function gatesBackward<T>(
  block: usize,
  coupled: i32,
  active: usize,
  cPrev: usize,
  dc: usize,
  dGates: usize,
): void {
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    const to = dGates + at;
    const dcAll = v128.add<T>(loadLanes<T>(dc + at, live), loadLanes<T>(to + 2 * block, live));
    const i = loadLanes<T>(active + at, live);
    const f = loadLanes<T>(active + block + at, live);
    const g = loadLanes<T>(active + 2 * block + at, live);
    const kept = loadLanes<T>(cPrev + at, live);
    storeLanes<T>(dc + at, v128.mul<T>(dcAll, f), live);
    storeLanes<T>(to + 2 * block, v128.mul<T>(dcAll, i), live);
    const change = coupled === 0 ? g : v128.sub<T>(g, kept);
    storeLanes<T>(to, v128.mul<T>(dcAll, change), live);
    const df = coupled === 0 ? v128.mul<T>(dcAll, kept) : v128.splat<T>(<T>0);
    storeLanes<T>(to + block, df, live);
  }
}
