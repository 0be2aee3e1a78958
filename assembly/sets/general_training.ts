// The backward pass of the general cells, in f64.
export { gru_output_backward, gru_reset_backward } from "../cells/gru_general";
export { lstm_general_backward } from "../cells/lstm_general";
export { rnn_general_backward } from "../cells/rnn_general";
