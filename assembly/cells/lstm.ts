// One time step of an LSTM after its products. A row of gates has four blocks of na units:
//
//     | i  input | f  forget | g  candidate | o  output |

import { addProduct, loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { sigmoid_map, tanh_map } from "../blas/map";

/**
 * i, f, o = σ(gates); g = tanh(gates); c = f·cPrev + i·g; h = o·tanh(c).
 *
 * - m, na:  rows (the batch) and units
 * - cPrev:  in; (m, na)
 * - gates:  in/out; (m, 4·na): pre-activations before, activated gates after
 * - c:      out, set; (m, na); may be cPrev itself
 * - h:      out, set; (m, na)
 *
 * No other overlap. Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic (in the
 * relaxed build their c is not fused).
 */
export function lstm_gates_forward<T>(
  m: usize,
  na: usize,
  cPrev: usize,
  gates: usize,
  c: usize,
  h: usize,
): void {
  // One loop for each function, not one for each unit: a loop over one function keeps its constants in registers.
  const block = na * sizeof<T>();
  for (let r: usize = 0; r < m; r++) {
    activate<T>(na, gates + r * 4 * block);
    updateCellState<T>(na, cPrev + r * block, gates + r * 4 * block, c + r * block);
  }
  tanh_map<T>(m * na, c, h);
  for (let r: usize = 0; r < m; r++) multiply<T>(na, gates + (4 * r + 3) * block, h + r * block);
}

function activate<T>(na: usize, gates: usize): void {
  const block = na * sizeof<T>();
  const g = gates + 2 * block;
  const o = g + block;
  sigmoid_map<T>(2 * na, gates, gates);
  tanh_map<T>(na, g, g);
  sigmoid_map<T>(na, o, o);
}

/** c = f·cPrev + i·g. */
function updateCellState<T>(na: usize, cPrev: usize, gates: usize, c: usize): void {
  const block = na * sizeof<T>();
  const whole = block & ~(VECTOR - 1);
  const f = gates + block;
  const g = f + block;
  for (let at: usize = 0; at < whole; at += VECTOR) {
    const kept = v128.mul<T>(v128.load(f + at), v128.load(cPrev + at));
    v128.store(c + at, addProduct<T>(kept, v128.load(gates + at), v128.load(g + at)));
  }
  for (let at = whole; at < block; at += sizeof<T>()) {
    const kept = load<T>(f + at) * load<T>(cPrev + at);
    store<T>(c + at, <T>(kept + load<T>(gates + at) * load<T>(g + at)));
  }
}

/** h = o·h. */
function multiply<T>(na: usize, o: usize, h: usize): void {
  const block = na * sizeof<T>();
  const whole = block & ~(VECTOR - 1);
  for (let at: usize = 0; at < whole; at += VECTOR) {
    v128.store(h + at, v128.mul<T>(v128.load(o + at), v128.load(h + at)));
  }
  for (let at = whole; at < block; at += sizeof<T>()) {
    store<T>(h + at, <T>(load<T>(o + at) * load<T>(h + at)));
  }
}

/**
 * The derivative of `lstm_gates_forward`. With δ = dy + dh and γ = dc + δ·o·(1 − tanh²c), the blocks of dGates are
 * di = γ·g·i·(1 − i); df = γ·cPrev·f·(1 − f); dg = γ·i·(1 − g²); do = δ·tanh(c)·o·(1 − o); then dc = γ·f.
 *
 * - m, na:     rows (the batch) and units
 * - gates:     in; (m, 4·na), activated
 * - cPrev, c:  in; (m, na)
 * - dy:        in; (m, na), gradient of h at this step from outside
 * - dh:        in; (m, na), gradient of h from the next step
 * - dc:        in/out; (m, na): gradient of c before, of cPrev after
 * - dGates:    out, set; (m, 4·na), blocks in the order of gates; overlaps nothing
 *
 * Tail: the units after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function lstm_gates_backward<T>(
  m: usize,
  na: usize,
  gates: usize,
  cPrev: usize,
  c: usize,
  dy: usize,
  dh: usize,
  dc: usize,
  dGates: usize,
): void {
  // The start of dGates holds tanh(c) of all rows. The loop runs from the last row to the first: the gradients of a row
  // overwrite the tanh(c) of later rows, which are done, and in row 0 that of the unit at hand.
  tanh_map<T>(m * na, c, dGates);
  const block = na * sizeof<T>();
  for (let r = m; r > 0; r--) {
    const at = (r - 1) * block;
    unitsBackward<T>(
      na,
      gates + 4 * at,
      cPrev + at,
      dy + at,
      dh + at,
      dc + at,
      dGates + at,
      dGates + 4 * at,
    );
  }
}

/** One row of `lstm_gates_backward`. */
function unitsBackward<T>(
  na: usize,
  gates: usize,
  cPrev: usize,
  dy: usize,
  dh: usize,
  dc: usize,
  tanhC: usize,
  dGates: usize,
): void {
  const one = v128.splat<T>(<T>1);
  const block = na * sizeof<T>();
  for (let at: usize = 0; at < block; at += VECTOR) {
    const live = (block - at) / sizeof<T>();
    const pi = gates + at;
    const qi = dGates + at;
    const o = loadLanes<T>(pi + 3 * block, live);
    const th = loadLanes<T>(tanhC + at, live);
    const dhAll = v128.add<T>(loadLanes<T>(dy + at, live), loadLanes<T>(dh + at, live));
    const dO = v128.mul<T>(v128.mul<T>(dhAll, th), v128.mul<T>(o, v128.sub<T>(one, o)));
    storeLanes<T>(qi + 3 * block, dO, live);
    const slope = v128.sub<T>(one, v128.mul<T>(th, th));
    const through = v128.mul<T>(v128.mul<T>(dhAll, o), slope);
    const dcAll = v128.add<T>(loadLanes<T>(dc + at, live), through);
    const f = loadLanes<T>(pi + block, live);
    storeLanes<T>(dc + at, v128.mul<T>(dcAll, f), live);
    const kept = loadLanes<T>(cPrev + at, live);
    const df = v128.mul<T>(v128.mul<T>(dcAll, kept), v128.mul<T>(f, v128.sub<T>(one, f)));
    storeLanes<T>(qi + block, df, live);
    const i = loadLanes<T>(pi, live);
    const g = loadLanes<T>(pi + 2 * block, live);
    const di = v128.mul<T>(v128.mul<T>(dcAll, g), v128.mul<T>(i, v128.sub<T>(one, i)));
    storeLanes<T>(qi, di, live);
    const dg = v128.mul<T>(v128.mul<T>(dcAll, i), v128.sub<T>(one, v128.mul<T>(g, g)));
    storeLanes<T>(qi + 2 * block, dg, live);
  }
}
