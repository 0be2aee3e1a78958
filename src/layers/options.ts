import type { Activation } from "../cells/activations.js";
import type { Precision } from "../wasm/abi.js";

/** What kind of recurrent network to make. */
export interface RecurrentOptions<P extends Precision = Precision> {
  readonly cell: "rnn" | "lstm" | "gru";
  /** nx, at least 1. */
  readonly inputSize: number;
  /** na, at least 1. */
  readonly hiddenSize: number;
  /** Layers on top of each other. Default 1. */
  readonly layers?: number;
  /** A second direction, which reads each sequence from its end; y holds both side by side. Default false. */
  readonly bidirectional?: boolean;
  /** The one direction reads each sequence from its end. Default false. */
  readonly reverse?: boolean;
  /** The numbers of weights, tensors and state. `"f32"` halves the memory and cannot be trained. Default `"f64"`. */
  readonly precision?: P;
  /** RNN: the function of a unit. Default `"tanh"`. */
  readonly nonlinearity?: "tanh" | "relu";
  /** GRU: whether the reset gate acts after the recurrent product (PyTorch, Keras) or before it. Default true. */
  readonly resetAfter?: boolean;
  /** LSTM: the gates see the memory, too, through `peephole_l0` … Default false. */
  readonly peepholes?: boolean;
  /** Holds what goes into the functions f and g of the gates within −clip … clip, as onnxruntime does. Default: no bound. */
  readonly clip?: number;
  /** LSTM: the forget gate is 1 − the input gate. Default false. */
  readonly inputForget?: boolean;
  /** LSTM: P, the size of h after a projection by `weight_hr_l0` … Default: none. */
  readonly projectionSize?: number;
  /**
   * The functions of the gates in ONNX's order: RNN f; GRU f (reset, update), g (candidate); LSTM f (input, forget,
   * output), g (candidate), h (memory). Twice as many where two directions differ: the forward ones first.
   */
  readonly activations?: readonly Activation[];
}
