// Listens before the pool's own script does.
import { parentPort } from "node:worker_threads";

parentPort.on("message", ({ kind, sequences = [], inputs = [] }) => {
  const isDeadly = sequences.some((each) => typeof each === "string" && each.includes("aa"));
  if (kind === "score" && isDeadly) process.exit(7);
  if (kind === "run" && inputs.x.data[0] === 666) process.exit(9);
  if (kind === "push" && inputs.includes(10)) process.exit(8);
});
