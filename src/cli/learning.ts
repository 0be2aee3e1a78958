// The commands that train and report: a program of its own, dist/cli_learning.js, which is loaded when one of them
// is called, so that the others start as fast as before (scripts/build_cli.mjs).
export { report } from "./report/command.js";
export { train } from "./train/command.js";
