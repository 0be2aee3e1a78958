import { source } from "../../build/embedded/graph.js";
import type { KernelSet } from "./embedded.js";
import type { EngineCore } from "./engine.js";

/**
 * The kernels that graphs need besides those of the engine: a module of its own over the engine's memory, which only who opens
 * a graph loads. Contracts stand at the definitions in assembly/nn. `item` is the bytes of one number, 4 or 8.
 */
export interface GraphKernels {
  binary_strided(
    item: number,
    code: number,
    rank: number,
    axes: number,
    a: number,
    b: number,
    y: number,
  ): void;
  select_strided(
    item: number,
    rank: number,
    axes: number,
    c: number,
    a: number,
    b: number,
    y: number,
  ): void;
  gather_axis(
    item: number,
    outer: number,
    n: number,
    inner: number,
    count: number,
    x: number,
    indices: number,
    y: number,
  ): number;
  gather_elements(
    item: number,
    outer: number,
    n: number,
    inner: number,
    count: number,
    x: number,
    indices: number,
    y: number,
  ): number;
  scatter_blocks(
    item: number,
    depth: number,
    extents: number,
    block: number,
    count: number,
    indices: number,
    updates: number,
    y: number,
  ): number;
  top_rows(
    item: number,
    largest: number,
    outer: number,
    n: number,
    inner: number,
    k: number,
    x: number,
    values: number,
    indices: number,
  ): void;
  arg_rows(
    item: number,
    least: number,
    last: number,
    outer: number,
    n: number,
    inner: number,
    x: number,
    y: number,
  ): void;
  cumulate_rows(
    item: number,
    exclusive: number,
    reverse: number,
    outer: number,
    n: number,
    inner: number,
    x: number,
    y: number,
  ): void;
  reduce_rows(
    item: number,
    kind: number,
    outer: number,
    n: number,
    inner: number,
    x: number,
    y: number,
  ): void;
  magnitude_rows(
    item: number,
    rows: number,
    n: number,
    lda: number,
    ldb: number,
    ldy: number,
    a: number,
    b: number,
    y: number,
  ): void;
  normalise_rows(
    item: number,
    rows: number,
    n: number,
    epsilon: number,
    x: number,
    scale: number,
    bias: number,
    y: number,
  ): void;
  softmax_all(item: number, log: number, rows: number, n: number, x: number, y: number): void;
  convert_map(from: number, to: number, rounding: number, n: number, x: number, y: number): void;
  copy_bytes(bytes: number, source: number, target: number): void;
  copy_strided(item: number, rank: number, axes: number, x: number, y: number): void;
  fill_map(item: number, n: number, value: number, y: number): void;
  unary_map(
    item: number,
    code: number,
    n: number,
    alpha: number,
    beta: number,
    x: number,
    y: number,
  ): void;
  depthwise_rows(
    item: number,
    rows: number,
    n: number,
    taps: number,
    step: number,
    tap: number,
    x: number,
    w: number,
    bias: number,
    y: number,
  ): void;
  pool_windows(
    item: number,
    kind: number,
    planes: number,
    geometry: number,
    x: number,
    y: number,
  ): void;
  scatter_windows(item: number, channels: number, geometry: number, x: number, y: number): void;
}

const GRAPH: KernelSet = { source };

/** The graph kernels over an engine's memory, bound at the first call. */
export const graphKernels = (engine: EngineCore): GraphKernels => engine.bind(GRAPH);
