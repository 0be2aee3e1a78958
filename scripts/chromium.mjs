// Why this exists: the browser tests drive a real Chromium, and a fresh machine has none. Prints the path of one:
// CHROMIUM_PATH if that is set, else the first that PATH holds, else Debian's package, installed now.
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

function find() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, MAC].find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function install() {
  const apt = (...args) => {
    const command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
    if (process.getuid() !== 0) command.unshift("sudo", "-n");
    // apt's chatter goes to stderr: stdout is the answer alone.
    execFileSync(command[0], command.slice(1), { stdio: ["ignore", 2, 2] });
  };
  apt("update");
  apt("install", "-y", "--no-install-recommends", "chromium");
}

function fail(reason) {
  console.error(`${reason}\nInstall Chromium or Chrome, and set CHROMIUM_PATH to its binary.`);
  process.exit(1);
}

const { CHROMIUM_PATH } = process.env;
if (CHROMIUM_PATH) {
  if (!isExecutable(CHROMIUM_PATH)) fail(`CHROMIUM_PATH: ${CHROMIUM_PATH} is no executable file.`);
} else if (find() === undefined) {
  if (!existsSync("/usr/bin/apt-get"))
    fail("No Chromium on the PATH, and no apt-get to install one.");
  try {
    install();
  } catch (error) {
    fail(`Chromium could not be installed: ${error.message}`);
  }
}
console.log(CHROMIUM_PATH || (find() ?? fail("Chromium was installed, yet is not on the PATH.")));
