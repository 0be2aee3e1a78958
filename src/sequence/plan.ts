import type { Cell } from "../cells/cell.js";
import { LAYOUTS, type Width } from "../wasm/abi.js";

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

/** Elements of an (n, k) matrix packed into panels of the given width. */
const panelElements = (n: number, k: number, panel: number): number =>
  Math.ceil(n / panel) * panel * k;

/** Gives out byte offsets one after the other; f64 unless told, as all of training is. */
class Layout {
  bytes = 0;
  readonly #width: Pick<Width, "item" | "panel">;

  constructor(width: Pick<Width, "item" | "panel"> = LAYOUTS.f64) {
    this.#width = width;
  }

  take(elements: number): number {
    const offset = this.bytes;
    this.bytes += Math.ceil((elements * this.#width.item) / LINE) * LINE;
    return offset;
  }

  takePanels(n: number, k: number): number {
    return this.take(panelElements(n, k, this.#width.panel));
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
//   state            h, c (m, na) · x (m, nx) · z (m, G·na)
//   head             Wy (ny, na) · by (ny) · panels of Wy
//   head, backward   panels of Wyᵀ

export function planWeights({ gates }: Cell, nx: number, na: number, width: Width) {
  const layout = new Layout(width);
  const W = layout.take(gates * na * (na + nx));
  const bias = layout.take(gates * na);
  const panelsH = layout.takePanels(gates * na, na);
  const panelsX = layout.takePanels(gates * na, nx);
  return { W, bias, panelsH, panelsX, bytes: layout.bytes };
}

export function planTransposedWeights({ gates }: Cell, nx: number, na: number) {
  const layout = new Layout();
  const panelsH = layout.takePanels(na, gates * na);
  const panelsX = layout.takePanels(nx, gates * na);
  return { panelsH, panelsX, bytes: layout.bytes };
}

export function planTape(
  { gates, hasMemory, keepsGates }: Cell,
  { nx, na, m, T }: Sizes,
  width: Width,
) {
  const layout = new Layout(width);
  const x = layout.take(T * m * nx);
  const h = layout.take((T + 1) * m * na);
  const c = hasMemory ? layout.take((T + 1) * m * na) : h;
  const z = keepsGates ? layout.take(T * m * gates * na) : h + m * na * width.item;
  return { x, h, c, z, bytes: layout.bytes };
}

/** What a chunk of an untaped run may take: it passes through the second-level cache and stays there. */
const CHUNK_BYTES = 256 * 1024;

/** Steps to run at a time where nothing is kept: whole tiles of rows, and at least one step. */
export function chunkSteps(
  { cell, width, nx, na }: { cell: Cell; width: Width; nx: number; na: number },
  m: number,
  T: number,
): number {
  const step = m * (nx + (2 + cell.gates) * na) * width.item;
  const steps = Math.floor(CHUNK_BYTES / Math.max(step, 1));
  const whole = m === 1 ? steps - (steps % 4) : steps;
  return Math.min(Math.max(whole, 1), Math.max(T, 1));
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

/** A live state: its parts, and what one step needs. */
export function planState({ gates, hasMemory }: Cell, { nx, na, m }: Sizes, width: Width) {
  const layout = new Layout(width);
  const h = layout.take(m * na);
  const c = hasMemory ? layout.take(m * na) : h;
  const x = layout.take(m * nx);
  const z = layout.take(m * gates * na);
  return { h, c, x, z, bytes: layout.bytes };
}

export function planHead(ny: number, na: number) {
  const layout = new Layout();
  const W = layout.take(ny * na);
  const bias = layout.take(ny);
  const panels = layout.takePanels(ny, na);
  return { W, bias, panels, bytes: layout.bytes };
}

export function planTransposedHead(ny: number, na: number) {
  const layout = new Layout();
  layout.takePanels(na, ny);
  return { bytes: layout.bytes };
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
  GRADIENT_ROWS * outputs + panelElements(inputs, GRADIENT_ROWS, LAYOUTS.f64.panel);
