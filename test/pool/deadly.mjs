// Listens before the pool's own script does.
import { parentPort } from "node:worker_threads";

parentPort.on("message", ({ kind, sequences = [], command }) => {
  const isDeadly = sequences.some((each) => typeof each === "string" && each.includes("aa"));
  if (kind === "score" && isDeadly) process.exit(7);
  if (kind === "stream" && command.name === "push" && command.token === 10) process.exit(8);
});
