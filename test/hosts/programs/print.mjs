import { hashes } from "./hashes.js";

process.stdout.write(await hashes());
