import { Session } from "node:inspector";
import { setFlagsFromString } from "node:v8";

// Optimised code does not count its blocks.
for (const flag of ["--no-opt", "--no-maglev", "--no-sparkplug"]) setFlagsFromString(flag);

/**
 * How much JavaScript of this package `run` executes: every function and every block, as often as it runs. Equal calls give
 * equal counts on any machine, so a test can hold the growth of work against the growth of the input.
 */
export function countWork(run: () => unknown): number {
  const session = new Session();
  session.connect();
  const post = (method: string, parameters?: object): unknown => {
    let result: unknown;
    session.post(method as never, parameters as never, (error: Error | null, value: unknown) => {
      if (error) throw error;
      result = value;
    });
    return result;
  };
  try {
    post("Profiler.enable");
    post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    try {
      run();
    } catch {
      // A refusal is work, too.
    }
    const { result } = post("Profiler.takePreciseCoverage") as {
      result: {
        url: string;
        functions: { ranges: { count: number }[] }[];
      }[];
    };
    let work = 0;
    for (const { url, functions } of result) {
      if (!url.includes("/src/")) continue;
      for (const { ranges } of functions) for (const { count } of ranges) work += count;
    }
    return work;
  } finally {
    post("Profiler.stopPreciseCoverage");
    session.disconnect();
  }
}
