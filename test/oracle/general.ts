// What one step of a general cell does around its products, over flat arrays as the kernels have them: rows are the batch.

import { type Functions as Rounding } from "./gates.js";
