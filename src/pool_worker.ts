/**
 * The script of a pool's worker. It is started by `createPool`; a program that starts its workers itself, by the option
 * `worker`, imports it in the script of such a worker.
 *
 * @module recurra/pool/worker
 */

import { openModel } from "./pool/open_model.js";
import { serve } from "./pool/serve.js";

serve(openModel);
