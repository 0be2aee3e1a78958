// A page: reports the hashes to the address behind its #.
import { hashes } from "./hashes.js";

const report = (value) =>
  fetch(location.hash.slice(1), { method: "POST", body: JSON.stringify(value) });

hashes().then(report, ({ name, message }) => report(`${name}: ${message}`));
