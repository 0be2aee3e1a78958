/** The number type of a layer or model. Training and the numpy-shaped functions are f64. */
export type Precision = "f64" | "f32";

/** Numbers of one precision. */
export type Floats = Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** For each precision: bytes of one number, and outputs in one packed panel (`panelWidth` in assembly/base/tile). */
export const LAYOUTS = { f64: { item: 8, panel: 4 }, f32: { item: 4, panel: 8 } } as const;

/** Bytes of one f64. */
export const ITEM = LAYOUTS.f64.item;

/**
 * The kernels of a forward pass through plain cells, in one precision. A set of kernels (assembly/sets) is a module that
 * exports them under these names; the full build exports those of f32 with `_f32` appended.
 *
 * The contract of a kernel is at its definition in `assembly/`, and only there. Pointers are byte offsets into linear memory;
 * all other sizes are in elements.
 */
export interface ForwardKernels {
  pack_panels(
    n: number,
    k: number,
    rowStride: number,
    columnStride: number,
    w: number,
    packed: number,
  ): void;
  gemm_packed(
    rows: number,
    n: number,
    k: number,
    lda: number,
    ldi: number,
    ldc: number,
    a: number,
    packed: number,
    init: number,
    c: number,
  ): void;
  gather_rows(
    rows: number,
    n: number,
    lds: number,
    ldt: number,
    source: number,
    index: number,
    target: number,
  ): void;
  rnn_gates_forward(n: number, gates: number, h: number): void;
  lstm_gates_forward(
    m: number,
    na: number,
    cPrev: number,
    gates: number,
    c: number,
    h: number,
  ): void;
  gru_gates_forward(m: number, na: number, hPrev: number, gates: number, h: number): void;
}

/** The forward kernels of cells with other activations, a clip, peepholes or coupled gates, in one precision. */
export interface GeneralKernels {
  activation_map(n: number, activations: number, which: number, x: number, y: number): void;
  rnn_general_forward(n: number, activations: number, gates: number, h: number): void;
  lstm_general_forward(
    m: number,
    na: number,
    activations: number,
    coupled: number,
    peepholes: number,
    cPrev: number,
    gates: number,
    c: number,
    h: number,
  ): void;
  gru_reset_forward(
    m: number,
    na: number,
    activations: number,
    before: number,
    hPrev: number,
    gates: number,
  ): void;
  gru_output_forward(
    m: number,
    na: number,
    activations: number,
    before: number,
    hPrev: number,
    gates: number,
    h: number,
  ): void;
}

/** What follows the last layer, in f64. */
export interface OutputKernels {
  softmax_rows(rows: number, n: number, x: number, y: number): void;
  log_softmax_rows(rows: number, n: number, x: number, y: number): void;
  score_rows(rows: number, n: number, logits: number, targets: number, logProb: number): void;
  exp_map(n: number, x: number, y: number): void;
  /** f32 to f64. */
  promote(n: number, x: number, y: number): void;
  reverse_axes(a: number, b: number, c: number, x: number, y: number): void;
}

/** What follows a recurrent layer with LayerNorm or a residual: `item` is the bytes of one number. */
export interface NormKernels {
  add_norm_rows(
    item: number,
    rows: number,
    n: number,
    epsilon: number,
    gain: number,
    bias: number,
    below: number,
    x: number,
    y: number,
  ): void;
}

/** The backward pass of plain cells, in one precision, with the forward kernels that it needs besides. */
export interface BackwardKernels extends ForwardKernels {
  rnn_gates_backward(n: number, h: number, dy: number, dh: number, dGates: number): void;
  lstm_gates_backward(
    m: number,
    na: number,
    gates: number,
    cPrev: number,
    c: number,
    dy: number,
    dh: number,
    dc: number,
    dGates: number,
  ): void;
  gru_gates_backward(
    m: number,
    na: number,
    hPrev: number,
    gates: number,
    dy: number,
    dh: number,
    dGates: number,
  ): void;
  add_rows(rows: number, n: number, x: number, y: number): void;
  add_product_rows(
    rows: number,
    n: number,
    lda: number,
    ldb: number,
    a: number,
    b: number,
    y: number,
  ): void;
  reverse_axes(a: number, b: number, c: number, x: number, y: number): void;
}

/** The backward pass and the loss of the functions, in f64. */
export interface TrainingKernels extends BackwardKernels {
  cross_entropy_rows(
    rows: number,
    n: number,
    scale: number,
    logits: number,
    targets: number,
    loss: number,
    dlogits: number,
  ): void;
}

/** The backward pass of the general cells, in one precision. */
export interface GeneralTrainingKernels {
  rnn_general_backward(
    n: number,
    activations: number,
    gates: number,
    h: number,
    dy: number,
    dh: number,
    dGates: number,
  ): void;
  lstm_general_backward(
    m: number,
    na: number,
    activations: number,
    coupled: number,
    peepholes: number,
    gates: number,
    cPrev: number,
    c: number,
    dy: number,
    dh: number,
    dc: number,
    dGates: number,
  ): void;
  gru_output_backward(
    m: number,
    na: number,
    activations: number,
    before: number,
    hPrev: number,
    gates: number,
    dy: number,
    dh: number,
    dGates: number,
  ): void;
  gru_reset_backward(
    m: number,
    na: number,
    activations: number,
    hPrev: number,
    gates: number,
    dq: number,
    dh: number,
    dGates: number,
  ): void;
}

/** Element by element: only in the full build, where tests prove them for the arrays module. */
interface Maps {
  sigmoid_map(n: number, x: number, y: number): void;
  tanh_map(n: number, x: number, y: number): void;
}

/** What the full build exports in both precisions. */
export interface TwinKernels
  extends ForwardKernels,
    GeneralKernels,
    Maps,
    Pick<OutputKernels, "exp_map"> {}

/** All kernels of the full build, in f64. */
export interface Kernels
  extends ForwardKernels,
    GeneralKernels,
    Maps,
    NormKernels,
    OutputKernels,
    TrainingKernels,
    GeneralTrainingKernels {
  heap_base(): number;
  /** 1 if multiply and add are fused, so that the bits depend on the host. */
  is_relaxed(): number;
  log_map(n: number, x: number, y: number): void;
  log_sum_exp_rows(rows: number, n: number, x: number, y: number): void;
}

/** A precision with its layout and its forward kernels. */
export interface NumberType {
  readonly precision: Precision;
  readonly item: number;
  readonly panel: number;
  readonly kernels: ForwardKernels;
}
