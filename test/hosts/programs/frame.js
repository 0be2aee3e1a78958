// A frame in a sandbox, whose origin is its own.
import { hashes } from "./hashes.js";

hashes().then(
  (text) => parent.postMessage(text, "*"),
  ({ name, message }) => parent.postMessage(`${name}: ${message}`, "*"),
);
