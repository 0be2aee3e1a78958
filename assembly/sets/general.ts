// The steps of cells with other activations, a clip, peepholes or coupled gates. Compiled in f64 and in f32.
export { activation_map } from "../blas/activations";
export { gru_output_forward, gru_reset_forward } from "../cells/gru_general";
export { lstm_general_forward } from "../cells/lstm_general";
export { rnn_general_forward } from "../cells/rnn_general";
