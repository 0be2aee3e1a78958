// The commands that are loaded when they are asked for: a program of its own, dist/cli_learning.js, so that the others start as fast
// as before (scripts/build_cli.mjs).
export { train } from "./train/command.js";
