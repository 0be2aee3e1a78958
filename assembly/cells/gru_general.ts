// One step of a GRU around its products, with any activations and a clip, and the reset gate after or before the recurrent
// product. A row holds seven blocks of na units: the four of gru.ts, which the backward pass needs too, then what came of
// the first three.
//
//     | n  r  z  q | n' r' z' |
//
// Reset after: q is the recurrent product, and n becomes n + r'·q. Reset before: q is r'·hPrev, the caller adds its
// product to n between `gru_reset_forward` and `gru_output_forward`.
// Whole blocks are gone through one function at a time.

import { F, G } from "../base/activations";
import { addProduct, loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { activation_map, activationBackward } from "../blas/activations";
import { addProducts, multiply } from "../blas/products";

/**
 * r' = f(r); z' = f(z); reset before: q = r'·hPrev.
 *
 * - m, na:      rows (the batch) and units
 * - activations:  in; the record, drawn in base/activations
 * - before:     not 0: the reset gate stands before the recurrent product
 * - hPrev:      in; (m, na)
 * - rows:       in/out; (m, 7·na): r and z in, pre-activations; r' and z' set; q set if `before`; the rest is not touched
 *
 * Tail: what is left of a row goes through the same arithmetic in the lanes it needs.
 */
export function gru_reset_forward<T>(
  m: usize,
  na: usize,
  activations: usize,
  before: i32,
  hPrev: usize,
  rows: usize,
): void {
  const block = na * sizeof<T>();
  for (let row: usize = 0; row < m; row++) {
    activation_map<T>(2 * na, activations, F, rows + block, rows + 5 * block);
    if (before !== 0) multiply<T>(na, rows + 5 * block, hPrev, rows + 3 * block);
    hPrev += block;
    rows += 7 * block;
  }
}

/**
 * Reset after: n += r'·q first. n' = g(n); h = (1 − z')·n' + z'·hPrev. The clip bounds what goes into f and g, with the
 * recurrent part, as in onnxruntime.
 *
 * - m, na:      rows (the batch) and units
 * - activations:  in; the record, drawn in base/activations
 * - before:     as `gru_reset_forward` had it
 * - hPrev:      in; (m, na)
 * - rows:       in/out; (m, 7·na) after `gru_reset_forward`: n in, with the recurrent product if `before`, else in/out: r'·q
 *               added to; n' set; the rest in
 * - h:          out, set; (m, na); may be hPrev itself
 *
 * Tail: what is left of a row goes through the same arithmetic in the lanes it needs.
 */
export function gru_output_forward<T>(
  m: usize,
  na: usize,
  activations: usize,
  before: i32,
  hPrev: usize,
  rows: usize,
  h: usize,
): void {
  const block = na * sizeof<T>();
  for (let row: usize = 0; row < m; row++) {
    if (before === 0) addProducts<T>(na, rows + 5 * block, rows + 3 * block, rows);
    activation_map<T>(na, activations, G, rows, rows + 4 * block);
    blend<T>(block, hPrev, rows + 4 * block, h);
    hPrev += block;
    rows += 7 * block;
    h += block;
  }
}

/** h = (1 − z')·n' + z'·hPrev; `active` is n' r' z', `block` na in bytes. */
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
 * The derivative of `gru_output_forward`, and with the reset after of `gru_reset_forward` too. With δ = dy + dh and slopes
 * that are 0 where a pre-activation is clamped: dn = δ·(1 − z')·g'(n); dz = δ·(hPrev − n')·f'(z); dh = δ·z'.
 * Reset after: dq = dn·r'; dr = dn·q·f'(r). Reset before: dq = dr = 0, `gru_reset_backward` sets dr.
 *
 * - m, na:      rows (the batch) and units
 * - activations, before:  as in the forward kernels
 * - hPrev:      in; (m, na)
 * - rows:       in; (m, 7·na) as `gru_output_forward` left them
 * - dy:         in; (m, na) gradient that reaches h at this step from outside
 * - dh:         in/out; (m, na): gradient that reaches h from the next step before, the direct part of hPrev's after
 * - dz:         out, set; (m, 4·na), blocks dn dr dz dq; overlaps nothing
 *
 * Tail: for odd na the last unit of a row goes through the same arithmetic alone.
 */
export function gru_output_backward(
  m: usize,
  na: usize,
  activations: usize,
  before: i32,
  hPrev: usize,
  rows: usize,
  dy: usize,
  dh: usize,
  dz: usize,
): void {
  const block = na * sizeof<f64>();
  for (let row: usize = 0; row < m; row++) {
    const active = rows + 4 * block;
    blendBackward(block, hPrev, active, dy, dh, dz);
    activationBackward(na, activations, G, rows, active, dz);
    activationBackward(na, activations, F, rows + 2 * block, active + 2 * block, dz + 2 * block);
    if (before === 0) {
      multiply<f64>(na, dz, active + block, dz + 3 * block);
      multiply<f64>(na, dz, rows + 3 * block, dz + block);
      activationBackward(na, activations, F, rows + block, active + block, dz + block);
    } else {
      memory.fill(dz + block, 0, block);
      memory.fill(dz + 3 * block, 0, block);
    }
    hPrev += block;
    rows += 7 * block;
    dy += block;
    dh += block;
    dz += 4 * block;
  }
}

/** dn and dz before their slopes, and dh = δ·z'. */
function blendBackward(
  block: usize,
  hPrev: usize,
  active: usize,
  dy: usize,
  dh: usize,
  dz: usize,
): void {
  const one = f64x2.splat(1);
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<f64>();
    const n = loadLanes<f64>(active + at, live);
    const z = loadLanes<f64>(active + 2 * block + at, live);
    const d = f64x2.add(loadLanes<f64>(dy + at, live), loadLanes<f64>(dh + at, live));
    storeLanes<f64>(dh + at, f64x2.mul(d, z), live);
    storeLanes<f64>(dz + at, f64x2.mul(d, f64x2.sub(one, z)), live);
    const change = f64x2.sub(loadLanes<f64>(hPrev + at, live), n);
    storeLanes<f64>(dz + 2 * block + at, f64x2.mul(d, change), live);
  }
}

/**
 * The derivative of `gru_reset_forward` with the reset before: dr = dq·hPrev·f'(r); dh += dq·r'.
 *
 * - m, na:      rows (the batch) and units
 * - activations:  as in the forward kernels
 * - hPrev:      in; (m, na)
 * - rows:       in; (m, 7·na) as `gru_output_forward` left them
 * - dq:         in; (m, na) gradient of q = r'·hPrev
 * - dh:         in/out, added to; (m, na)
 * - dz:         in/out; (m, 4·na) as `gru_output_backward` left it: the block dr is set, the rest not touched
 *
 * Tail: for odd na the last unit of a row goes through the same arithmetic alone.
 */
export function gru_reset_backward(
  m: usize,
  na: usize,
  activations: usize,
  hPrev: usize,
  rows: usize,
  dq: usize,
  dh: usize,
  dz: usize,
): void {
  const block = na * sizeof<f64>();
  for (let row: usize = 0; row < m; row++) {
    multiply<f64>(na, dq, hPrev, dz + block);
    activationBackward(na, activations, F, rows + block, rows + 5 * block, dz + block);
    addProducts<f64>(na, dq, rows + 5 * block, dh);
    hPrev += block;
    rows += 7 * block;
    dq += block;
    dh += block;
    dz += 4 * block;
  }
}
