// One time step of a GRU after its products, with any activations and a clip. The reset gate is applied after the recurrent
// product or before it. A row of gates has seven blocks of na units: the four of gru.ts, which the backward pass needs too,
// and the activated first three.
//
//     | n  r  z  q | n' r' z' |
//
// Reset after: q is the recurrent product, and n becomes n + r'·q. Reset before: q is r'·hPrev, and the caller adds the
// product of q to n between `gru_reset_forward` and `gru_output_forward`. One function at a time runs over whole blocks.

import { F, G } from "../base/activations";
import { addProduct, loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { activation_map, activationBackward } from "../blas/activations";
import { addProducts, multiply } from "../blas/products";

/**
 * r' = f(r); z' = f(z); reset before: q = r'·hPrev.
 *
 * - m, na:        rows (the batch) and units
 * - activations:  in; the record, drawn in base/activations
 * - before:       not 0 if the reset gate is applied before the recurrent product
 * - hPrev:        in; (m, na)
 * - gates:        in/out; (m, 7·na): r and z in, pre-activations; r' and z' set; q set if `before`; the rest is not touched
 *
 * Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function gru_reset_forward<T>(
  m: usize,
  na: usize,
  activations: usize,
  before: i32,
  hPrev: usize,
  gates: usize,
): void {
  const block = na * sizeof<T>();
  for (let row: usize = 0; row < m; row++) {
    activation_map<T>(2 * na, activations, F, gates + block, gates + 5 * block);
    if (before !== 0) multiply<T>(na, gates + 5 * block, hPrev, gates + 3 * block);
    hPrev += block;
    gates += 7 * block;
  }
}

/**
 * n' = g(n), where reset after first adds r'·q to n; h = (1 − z')·n' + z'·hPrev. The clip bounds the arguments of f and g with
 * their recurrent parts, as in onnxruntime.
 *
 * - m, na:        rows (the batch) and units
 * - activations:  in; the record, drawn in base/activations
 * - before:       as in `gru_reset_forward`
 * - hPrev:        in; (m, na)
 * - gates:        in/out; (m, 7·na) after `gru_reset_forward`: with `before`, n in, which includes the recurrent product; else n
 *                 in/out, r'·q added to; n' set; the rest in
 * - h:            out, set; (m, na); may be hPrev itself, no other overlap
 *
 * Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function gru_output_forward<T>(
  m: usize,
  na: usize,
  activations: usize,
  before: i32,
  hPrev: usize,
  gates: usize,
  h: usize,
): void {
  const block = na * sizeof<T>();
  for (let row: usize = 0; row < m; row++) {
    if (before === 0) addProducts<T>(na, gates + 5 * block, gates + 3 * block, gates);
    activation_map<T>(na, activations, G, gates, gates + 4 * block);
    blend<T>(block, hPrev, gates + 4 * block, h);
    hPrev += block;
    gates += 7 * block;
    h += block;
  }
}

/** h = (1 − z')·n' + z'·hPrev. `active` points to n' r' z'; `block` is na in bytes. */
function blend<T>(block: usize, hPrev: usize, active: usize, h: usize): void {
  const one = v128.splat<T>(<T>1);
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    const z = loadLanes<T>(active + 2 * block + at, live);
    const kept = v128.mul<T>(z, loadLanes<T>(hPrev + at, live));
    const rest = v128.sub<T>(one, z);
    storeLanes<T>(h + at, addProduct<T>(kept, rest, loadLanes<T>(active + at, live)), live);
  }
}

/**
 * The derivative of `gru_output_forward` and, with reset after, of `gru_reset_forward` too. With δ = dy + dh, and slopes f'
 * and g' that are 0 where a pre-activation is clamped: dn = δ·(1 − z')·g'(n); dz = δ·(hPrev − n')·f'(z); dh = δ·z'.
 * Reset after: dq = dn·r'; dr = dn·q·f'(r). Reset before: dq = dr = 0, and `gru_reset_backward` sets dr.
 *
 * - m, na:    rows (the batch) and units
 * - activations, before:  in; as in the forward kernels
 * - hPrev:    in; (m, na)
 * - gates:    in; (m, 7·na), as left by `gru_output_forward`
 * - dy:       in; (m, na), gradient of h at this step from outside
 * - dh:       in/out; (m, na): gradient of h from the next step before, the direct part of hPrev's gradient after
 * - dGates:   out, set; (m, 4·na), blocks dn dr dz dq; overlaps nothing
 *
 * Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function gru_output_backward<T>(
  m: usize,
  na: usize,
  activations: usize,
  before: i32,
  hPrev: usize,
  gates: usize,
  dy: usize,
  dh: usize,
  dGates: usize,
): void {
  const block = na * sizeof<T>();
  for (let row: usize = 0; row < m; row++) {
    const active = gates + 4 * block;
    blendBackward<T>(block, hPrev, active, dy, dh, dGates);
    activationBackward<T>(na, activations, G, gates, active, dGates);
    activationBackward<T>(
      na,
      activations,
      F,
      gates + 2 * block,
      active + 2 * block,
      dGates + 2 * block,
    );
    if (before === 0) {
      multiply<T>(na, dGates, active + block, dGates + 3 * block);
      multiply<T>(na, dGates, gates + 3 * block, dGates + block);
      activationBackward<T>(na, activations, F, gates + block, active + block, dGates + block);
    } else {
      memory.fill(dGates + block, 0, block);
      memory.fill(dGates + 3 * block, 0, block);
    }
    hPrev += block;
    gates += 7 * block;
    dy += block;
    dh += block;
    dGates += 4 * block;
  }
}

/** dn and dz without their slopes, and dh = δ·z'. */
function blendBackward<T>(
  block: usize,
  hPrev: usize,
  active: usize,
  dy: usize,
  dh: usize,
  dGates: usize,
): void {
  const one = v128.splat<T>(<T>1);
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    const n = loadLanes<T>(active + at, live);
    const z = loadLanes<T>(active + 2 * block + at, live);
    const d = v128.add<T>(loadLanes<T>(dy + at, live), loadLanes<T>(dh + at, live));
    storeLanes<T>(dh + at, v128.mul<T>(d, z), live);
    storeLanes<T>(dGates + at, v128.mul<T>(d, v128.sub<T>(one, z)), live);
    const change = v128.sub<T>(loadLanes<T>(hPrev + at, live), n);
    storeLanes<T>(dGates + 2 * block + at, v128.mul<T>(d, change), live);
  }
}

/**
 * The derivative of `gru_reset_forward` with reset before: dr = dq·hPrev·f'(r); dh += dq·r'.
 *
 * - m, na:        rows (the batch) and units
 * - activations:  in; as in the forward kernels
 * - hPrev:        in; (m, na)
 * - gates:        in; (m, 7·na), as left by `gru_output_forward`
 * - dq:           in; (m, na), gradient of q = r'·hPrev
 * - dh:           in/out, added to; (m, na)
 * - dGates:       in/out; (m, 4·na), as left by `gru_output_backward`: the block dr is set, the rest is not touched
 *
 * Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function gru_reset_backward<T>(
  m: usize,
  na: usize,
  activations: usize,
  hPrev: usize,
  gates: usize,
  dq: usize,
  dh: usize,
  dGates: usize,
): void {
  const block = na * sizeof<T>();
  for (let row: usize = 0; row < m; row++) {
    multiply<T>(na, dq, hPrev, dGates + block);
    activationBackward<T>(na, activations, F, gates + block, gates + 5 * block, dGates + block);
    addProducts<T>(na, dq, gates + 5 * block, dh);
    hPrev += block;
    gates += 7 * block;
    dq += block;
    dh += block;
    dGates += 4 * block;
  }
}
