// What follows the recurrent layers of a network with LayerNorm or residuals, of both number types.
export { add_norm_rows } from "../nn/add_norm";
