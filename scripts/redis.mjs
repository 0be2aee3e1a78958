// Why this exists: the server's tests start a Redis of their own, and a fresh machine has none. Prints the path of a
// redis-server or valkey-server: REDIS_SERVER_PATH if that is set, else the first that PATH holds, else Debian's package,
// installed now. Debian starts no service by it in a container; elsewhere `systemctl disable --now redis-server` stops it.
import { printPath } from "./debian_program.mjs";

printPath({
  title: "Redis or Valkey",
  variable: "REDIS_SERVER_PATH",
  names: ["redis-server", "valkey-server"],
  package: "redis-server",
});
