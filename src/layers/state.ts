import { StateError } from "../errors.js";
import { planState, type Sizes } from "../sequence/plan.js";
import type { Weights } from "../sequence/weights.js";
import { checkShape, type FloatsOf, type Tensor } from "../tensor.js";
import type { Floats, Precision } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import { DISPOSE, type Engine, unwatch, watch } from "../wasm/engine.js";
