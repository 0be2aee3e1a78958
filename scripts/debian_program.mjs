import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Whether a file can be started. */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function find({ names, elsewhere = [] }) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, ...elsewhere].find(isExecutable);
}

function install(name) {
  const apt = (...args) => {
    const command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
    if (process.getuid() !== 0) command.unshift("sudo", "-n");
    // apt's chatter goes to stderr: stdout is the answer alone.
    execFileSync(command[0], command.slice(1), { stdio: ["ignore", 2, 2] });
  };
  apt("update");
  apt("install", "-y", "--no-install-recommends", name);
}

/**
 * The path of a program: that of an environment variable if it is set, else the first that PATH holds, else that of Debian's
 * package, installed now. Throws an Error whose message says what to do.
 *
 * @param {{ title: string, variable: string, names: string[], package: string, elsewhere?: string[] }} program
 */
export function programPath(program) {
  const { title, variable, names } = program;
  const advice = `Install ${title}, and set ${variable} to its binary.`;
  const given = process.env[variable];
  if (given) {
    if (isExecutable(given)) return given;
    throw new Error(`${variable}: ${given} is no executable file.\n${advice}`);
  }
  const found = find(program);
  if (found !== undefined) return found;
  if (!existsSync("/usr/bin/apt-get")) {
    throw new Error(`No ${names[0]} on the PATH, and no apt-get to install one.\n${advice}`);
  }
  try {
    install(program.package);
  } catch (error) {
    throw new Error(`${title} could not be installed: ${error.message}\n${advice}`);
  }
  const installed = find(program);
  if (installed !== undefined) return installed;
  throw new Error(`${title} was installed, yet is not on the PATH.\n${advice}`);
}

/** Prints the path, or the reason why there is none, for a script that others call. */
export function printPath(program) {
  try {
    console.log(programPath(program));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
