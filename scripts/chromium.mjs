// Why this exists: the browser tests drive a real Chromium, and a fresh machine has none. Prints the path of one:
// CHROMIUM_PATH if that is set, else the first that PATH holds, else Debian's package, installed now.
import { printPath } from "./debian_program.mjs";

printPath({
  title: "Chromium or Chrome",
  variable: "CHROMIUM_PATH",
  names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  elsewhere: ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"],
  package: "chromium",
});
