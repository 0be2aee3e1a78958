// Why this exists: the server's bench loads it with wrk, a test opens slow connections with slowhttptest, and a fresh machine
// has neither. `node scripts/load_tools.mjs NAME` prints the path of one: WRK_PATH or SLOWHTTPTEST_PATH if that is set, else
// the first that PATH holds, else Debian's package, installed now.
import { printPath } from "./debian_program.mjs";

const [name] = process.argv.slice(2);
if (!["wrk", "slowhttptest"].includes(name)) {
  console.error(`load_tools: expected wrk or slowhttptest, got ${name}`);
  process.exit(2);
}
printPath({
  title: name,
  variable: `${name.toUpperCase()}_PATH`,
  names: [name],
  package: name,
});
