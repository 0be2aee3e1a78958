// What every forward pass needs: products, and the steps of the plain cells. Compiled in f64 and in f32.
export { gather_rows } from "../blas/gather";
export { gemm_packed } from "../blas/gemm";
export { pack_panels } from "../blas/pack";
export { row_by_four_panels } from "../blas/tiles";
export { gru_gates_forward } from "../cells/gru";
export { lstm_gates_forward } from "../cells/lstm";
export { rnn_gates_forward } from "../cells/rnn";
