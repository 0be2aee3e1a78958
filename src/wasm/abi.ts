/**
 * The exports of the kernels module, as TypeScript sees them. A contract stands at each kernel's definition in
 * `assembly/`, and only there. Pointers are byte offsets into linear memory; every other size is in elements.
 */
export interface Kernels {
  heap_base(): number;

  exp_map(n: number, x: number, y: number): void;
  log_map(n: number, x: number, y: number): void;
  sigmoid_map(n: number, x: number, y: number): void;
  tanh_map(n: number, x: number, y: number): void;

  softmax_rows(rows: number, n: number, x: number, y: number): void;
  log_softmax_rows(rows: number, n: number, x: number, y: number): void;
  log_sum_exp_rows(rows: number, n: number, x: number, y: number): void;
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
