// Why this exists: a test of the server opens slow connections with slowhttptest, and a fresh machine has none. Prints the
// path of one: SLOWHTTPTEST_PATH if that is set, else the first that PATH holds, else Debian's package, installed now.
import { printPath } from "./debian_program.mjs";

printPath({
  title: "slowhttptest",
  variable: "SLOWHTTPTEST_PATH",
  names: ["slowhttptest"],
  package: "slowhttptest",
});
