// Load by wrk, which takes little of the cores that it shares with the server.
import { execFile, execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { FOLDER } from "./fixture.js";

/** What a load of requests met. Times are in milliseconds. */
export interface Load {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** Answers that are not 2xx, and connections that failed. */
  readonly errors: number;
}

export interface LoadSetup {
  readonly url: string;
  readonly clients: number;
  readonly seconds: number;
  /** Bodies that are sent in turn. */
  readonly bodies: readonly string[];
}

const SCRIPT = `
local bodies, i = {}, 0
for line in io.lines("${FOLDER}/bodies.txt") do bodies[#bodies + 1] = line end
local headers = { ["content-type"] = "application/json" }
request = function()
  i = i % #bodies + 1
  return wrk.format("POST", nil, headers, bodies[i])
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"perSecond":%f,"p50":%f,"p99":%f,"longest":%f,"errors":%d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
`;

export async function load({ url, clients, seconds, bodies }: LoadSetup): Promise<Load> {
  const tool = [process.execPath, ["scripts/load_tools.mjs", "wrk"]] as const;
  const wrk = execFileSync(...tool, { encoding: "utf8" }).trim();
  writeFileSync(`${FOLDER}/bodies.txt`, bodies.map((body) => `${body}\n`).join(""));
  writeFileSync(`${FOLDER}/load.lua`, SCRIPT);
  const words = [
    "-t1",
    `-c${clients}`,
    `-d${seconds}`,
    "--timeout",
    "30",
    "-s",
    `${FOLDER}/load.lua`,
  ];
  const { stdout } = await promisify(execFile)(wrk, [...words, url]);
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as Load;
}
