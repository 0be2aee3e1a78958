import type { Cell } from "../cells/cell.js";
import { gateElements } from "../cells/cell.js";
import { LAYOUTS, type NumberType } from "../wasm/abi.js";

/** Every buffer of a plan starts on a cache line. */
const LINE = 64;
/** Rows whose weight gradient is computed in one go: their panels and their transpose stay in the second-level cache. */
export const GRADIENT_ROWS = 256;
/** Numbers in the record of a cell's functions: assembly/base/activations.ts. */
const RECORD = 10;

/** The sizes of one layer and direction. */
export interface CellSizes {
  /** Inputs. */
  readonly nx: number;
  /** Units. */
  readonly na: number;
  /** The size of h: na, or that of a projection. */
  readonly nh: number;
}

/** Elements of an (n, k) matrix packed into panels of the given width. */
const panelElements = (n: number, k: number, panel: number): number =>
  Math.ceil(n / panel) * panel * k;

/** Gives out byte offsets one after the other; f64 unless told, as all of training is. */
export class Layout {
  bytes = 0;
  readonly #dtype: Pick<NumberType, "item" | "panel">;

  constructor(dtype: Pick<NumberType, "item" | "panel"> = LAYOUTS.f64) {
    this.#dtype = dtype;
  }

  take(elements: number, item: number = this.#dtype.item): number {
    const offset = this.bytes;
    this.bytes += Math.ceil((elements * item) / LINE) * LINE;
    return offset;
  }

  takePanels(n: number, k: number): number {
    return this.take(panelElements(n, k, this.#dtype.panel));
  }
}

// Every buffer of a run, as offsets from the start of its block. Time-major: rows as sequence/batch.ts draws them.
//
//   weights          Wx (G·na, nx) · Wh (G·na, nh) · bias · Wr (nh, na) · peepholes (3·na) · the functions' record · zeros ·
//                    panels of Wx, of Wh product by product, of Wr
//   weights, backward   the panels of their transposes
//   track            what one layer and direction works in: x (rows, nx) · h (rows, nh) · c (rows, na) · z, the cell's rows ·
//                    u (rows, na) where h is a projection; where it is kept the initial state stands before h and c
//   backward         zeros, du (m, na) · dz (N, gradient) · dp (N, nh) · dWx, dWh, db, dWr, dP ·
//                    the weight gradient's transpose, gathered rows and panels
//   linear           Wy (ny, na) · by (ny) · panels of Wy
//   linear, backward panels of Wyᵀ

export function planWeights(cell: Cell, { nx, na, nh }: CellSizes, dtype: NumberType) {
  const layout = new Layout(dtype);
  const gates = cell.input.length * na;
  const Wx = layout.take(gates * nx);
  const Wh = layout.take(gates * nh);
  const bias = layout.take(cell.bias.length * na);
  const Wr = layout.take(cell.projected ? nh * na : 0);
  const peepholes = layout.take(cell.peepholes ? 3 * na : 0);
  const functions = layout.take(cell.activations === undefined ? 0 : RECORD, LAYOUTS.f64.item);
  const zeros = layout.take(Math.max(nx, na, nh));
  const panelsX = layout.takePanels(gates, nx);
  const products = cell.products.map(({ blocks }) => layout.takePanels(blocks * na, nh));
  const projection = cell.projected ? layout.takePanels(nh, na) : 0;
  return {
    ...{ Wx, Wh, bias, Wr, peepholes, functions, zeros },
    ...{ panelsX, products, projection, bytes: layout.bytes },
  };
}

export function planTransposedWeights(cell: Cell, { nx, na, nh }: CellSizes) {
  const layout = new Layout();
  const panelsX = layout.takePanels(nx, cell.input.length * na);
  const products = cell.products.map(({ blocks }) => layout.takePanels(nh, blocks * na));
  const projection = cell.projected ? layout.takePanels(na, nh) : 0;
  return { panelsX, products, projection, bytes: layout.bytes };
}

/** What a chunk of a run that keeps nothing may take: it passes through the second-level cache and stays there. */
const CHUNK_BYTES = 256 * 1024;

/** Rows to run at a time where nothing is kept: whole steps, and at least one; where m is 1, whole tiles of rows. */
export function chunkRows(
  cell: Cell,
  { nx, na, nh }: CellSizes,
  dtype: NumberType,
  m: number,
  N: number,
): number {
  const row = (nx + nh + gateElements(cell, na)) * dtype.item;
  const rows = Math.floor(CHUNK_BYTES / row);
  const whole = m === 1 ? rows - (rows % 4) : rows;
  return Math.min(Math.max(whole, m, 1), Math.max(N, m, 1));
}

export function planBackward(cell: Cell, { nx, na, nh }: CellSizes, m: number, N: number) {
  const layout = new Layout();
  const gates = cell.input.length * na;
  const none = layout.take(cell.projected ? m * na : 0);
  const scratch = layout.take(m * na);
  const dz = layout.take(N * cell.gradientBlocks * na);
  const dp = layout.take(cell.projected ? N * nh : 0);
  const dWx = layout.take(gates * nx);
  const dWh = layout.take(gates * nh);
  const db = layout.take(cell.gradientBlocks * na);
  const dWr = layout.take(cell.projected ? nh * na : 0);
  const dPeepholes = layout.take(cell.peepholes ? 3 * na : 0);
  const outputs = Math.max(cell.gradientBlocks * na, cell.projected ? nh : 0);
  const gradient = layout.take(gradientElements(outputs, Math.max(na, nx, nh)));
  return {
    ...{ none, scratch, dz, dp, dWx, dWh, db, dWr, dPeepholes, gradient },
    bytes: layout.bytes,
  };
}

export function planLinear(ny: number, na: number, dtype: NumberType) {
  const layout = new Layout(dtype);
  const W = layout.take(ny * na);
  const bias = layout.take(ny);
  const panels = layout.takePanels(ny, na);
  return { W, bias, panels, bytes: layout.bytes };
}

export function planTransposedLinear(ny: number, na: number) {
  const layout = new Layout();
  layout.takePanels(na, ny);
  return { bytes: layout.bytes };
}

export function planLinearGradient(ny: number, na: number, rows: number) {
  const layout = new Layout();
  const logits = layout.take(rows * ny);
  const targets = layout.take(rows, Int32Array.BYTES_PER_ELEMENT);
  const loss = layout.take(rows);
  const da = layout.take(rows * na);
  const dW = layout.take(ny * na);
  const db = layout.take(ny);
  const zeros = layout.take(na);
  const gradient = layout.take(gradientElements(ny, na));
  return { logits, targets, loss, da, dW, db, zeros, gradient, bytes: layout.bytes };
}

/** Scratch of a weight gradient (outputs, inputs): `GRADIENT_ROWS` rows, those of d transposed, those of x gathered and packed. */
const gradientElements = (outputs: number, inputs: number): number =>
  GRADIENT_ROWS * (outputs + inputs) + panelElements(inputs, GRADIENT_ROWS, LAYOUTS.f64.panel);
