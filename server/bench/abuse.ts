// slowhttptest holds 200 sockets whose headers, or bodies, come drop by drop: do the others wait?
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { readLines } from "./fixture.js";
import type { BenchOptions } from "./options.js";
import { type Row, times, whole } from "./table.js";
import { startOurs } from "./throughput.js";
import { load } from "./wrk.js";

const SOCKETS = 200;

/** Runs something while slow sockets are open. */
async function under<T>(
  mode: "-H" | "-B",
  url: string,
  seconds: number,
  work: () => Promise<T>,
): Promise<T> {
  const tool = [process.execPath, ["scripts/load_tools.mjs", "slowhttptest"]] as const;
  const program = execFileSync(...tool, { encoding: "utf8" }).trim();
  const words = [mode, "-c", `${SOCKETS}`, "-r", `${SOCKETS}`, "-i", "2", "-x", "4", "-s", "4096"];
  const more = ["-l", `${seconds + 4}`, "-f", "application/json", "-u", url, "-v", "0"];
  const slow = spawn(program, [...words, ...more], { stdio: "ignore" });
  const ended = once(slow, "exit");
  // Until all sockets are open.
  await wait(2000);
  const result = await work();
  slow.kill();
  await ended;
  return result;
}

export async function abuse({ workers, seconds }: BenchOptions): Promise<Row[]> {
  const service = await startOurs("f64", workers);
  try {
    const url = `${service.url}/v1/score`;
    const bodies = readLines().map((line) => JSON.stringify({ sequences: [line] }));
    const run = () => load({ url, clients: 20, seconds, bodies });
    await run();
    const quiet = await run();
    const headers = await under("-H", url, seconds, run);
    const body = await under("-B", url, seconds, run);
    const after = await run();
    const usual = Math.max(quiet.p99, after.p99);
    const errors = quiet.errors + headers.errors + body.errors + after.errors;
    const row = (what: string, got: string, must: string): Row => ({ what, got, must });
    return [
      row(
        `p99 with ${SOCKETS} sockets of slow headers, against without`,
        times(headers.p99 / usual),
        "< 2",
      ),
      row(
        `p99 with ${SOCKETS} sockets of slow bodies, against without`,
        times(body.p99 / usual),
        "< 2",
      ),
      row("errors of the others meanwhile", whole(errors), "0"),
    ];
  } finally {
    await service.stop();
  }
}
