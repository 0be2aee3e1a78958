// A worker: posts the hashes.
import { hashes } from "./hashes.js";

hashes().then(postMessage, ({ name, message }) => postMessage(`${name}: ${message}`));
