// The golden hashes, in whatever host this runs.
import * as recurra from "recurra";
import { golden } from "./golden.js";

export const hashes = async (options) => golden(recurra, await recurra.createEngine(options));
/** Without a pause at the start, as an AudioWorklet needs it. */
export const hashesSync = () => golden(recurra, recurra.createEngineSync());
