import type { Cell } from "../cells/cell.js";
import { ITEM, PANEL } from "../wasm/abi.js";

/** Every buffer of a plan starts on a cache line. */
const LINE = 64;
/** Rows whose weight gradient is computed in one go: their panels and their transpose stay in the second-level cache. */
export const GRADIENT_ROWS = 256;

/** The sizes of one run. */
export interface Sizes {
  /** Inputs. */
  readonly nx: number;
  /** Hidden units. */
  readonly na: number;
  /** Rows: the batch. */
  readonly m: number;
  /** Steps. */
  readonly T: number;
}

/** Elements of an (n, k) matrix packed into panels. */
export const panelElements = (n: number, k: number): number => Math.ceil(n / PANEL) * PANEL * k;

/** Gives out byte offsets one after the other. */
class Layout {
  bytes = 0;

  take(elements: number): number {
    const offset = this.bytes;
    this.bytes += Math.ceil((elements * ITEM) / LINE) * LINE;
    return offset;
  }
}

// Every buffer of a run, as offsets from the start of its block. Time-major: a step's rows are contiguous.
//
//   weights          W [hidden | input] (G·na, na + nx) · bias (G·na) · panels of Wh · panels of Wx
//   weights, backward   panels of Whᵀ · panels of Wxᵀ
//   tape             x (T, m, nx) · h (T + 1, m, na) · c (T + 1, m, na) · gates (T, m, G·na)
//                    a cell without kept gates works in place: its gates are the h that follows
//   backward         dh, dc (m, na) · dz (T, m, G·na) · dx (T, m, nx) · dy (T, m, na) · dW, db as W, bias ·
//                    zeros (max(na, nx)) · the weight gradient's transpose and panels
//   head             Wy (ny, na) · by (ny) · panels of Wy
//   head, backward   panels of Wyᵀ

export function planWeights({ gates }: Cell, nx: number, na: number) {
  const layout = new Layout();
  const W = layout.take(gates * na * (na + nx));
  const bias = layout.take(gates * na);
  const panelsH = layout.take(panelElements(gates * na, na));
  const panelsX = layout.take(panelElements(gates * na, nx));
  return { W, bias, panelsH, panelsX, bytes: layout.bytes };
}

export function planTransposedWeights({ gates }: Cell, nx: number, na: number) {
  const layout = new Layout();
  const panelsH = layout.take(panelElements(na, gates * na));
  const panelsX = layout.take(panelElements(nx, gates * na));
  return { panelsH, panelsX, bytes: layout.bytes };
}

export function planTape({ gates, hasMemory, keepsGates }: Cell, { nx, na, m, T }: Sizes) {
  const layout = new Layout();
  const x = layout.take(T * m * nx);
  const h = layout.take((T + 1) * m * na);
  const c = hasMemory ? layout.take((T + 1) * m * na) : h;
  const z = keepsGates ? layout.take(T * m * gates * na) : h + m * na * ITEM;
  return { x, h, c, z, bytes: layout.bytes };
}

export function planBackward({ gates }: Cell, { nx, na, m, T }: Sizes) {
  const layout = new Layout();
  const dh = layout.take(m * na);
  const dc = layout.take(m * na);
  const dz = layout.take(T * m * gates * na);
  const dx = layout.take(T * m * nx);
  const dy = layout.take(T * m * na);
  const dW = layout.take(gates * na * (na + nx));
  const db = layout.take(gates * na);
  const zeros = layout.take(Math.max(na, nx));
  const gradient = layout.take(gradientElements(gates * na, Math.max(na, nx)));
  return { dh, dc, dz, dx, dy, dW, db, zeros, gradient, bytes: layout.bytes };
}

export function planHead(ny: number, na: number) {
  const layout = new Layout();
  const W = layout.take(ny * na);
  const bias = layout.take(ny);
  const panels = layout.take(panelElements(ny, na));
  return { W, bias, panels, bytes: layout.bytes };
}

export function planHeadGradient(ny: number, { na, m, T }: Sizes) {
  const layout = new Layout();
  const logits = layout.take(T * m * ny);
  const targets = layout.take(Math.ceil((T * m) / 2));
  const loss = layout.take(T * m);
  const da = layout.take(T * m * na);
  const dW = layout.take(ny * na);
  const db = layout.take(ny);
  const zeros = layout.take(na);
  const gradient = layout.take(gradientElements(ny, na));
  return { logits, targets, loss, da, dW, db, zeros, gradient, bytes: layout.bytes };
}

/** Scratch of a weight gradient (outputs, inputs): the transpose of `GRADIENT_ROWS` rows of d, and panels of as many x. */
const gradientElements = (outputs: number, inputs: number): number =>
  GRADIENT_ROWS * outputs + panelElements(inputs, GRADIENT_ROWS);
