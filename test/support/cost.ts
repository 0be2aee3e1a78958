import { Session } from "node:inspector";
import { setFlagsFromString } from "node:v8";

/**
 * How much JavaScript of this package `run` executes: every function and every block, as often as it runs. Equal calls give
 * equal counts on any machine, so a test can hold the growth of work against the growth of the input.
 */
export function countWork(run: () => unknown): number {
  // Optimised code does not count its blocks.
  for (const flag of ["--no-opt", "--no-maglev", "--no-sparkplug"]) setFlagsFromString(flag);
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

type Constructor = new (...values: never[]) => { readonly byteLength: number };

const NAMES = [
  "ArrayBuffer",
  "Uint8Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
] as const;

/**
 * Bytes of all arrays that `run` makes: by `new`, `from`, `of` and `slice`, whether or not they are freed again. Views of
 * memory that is there already do not count.
 */
export function countAllocations(run: () => unknown): number {
  const world = globalThis as unknown as Record<string, Constructor>;
  const own = new Map<string, Constructor>(NAMES.map((name) => [name, world[name] as Constructor]));
  const Buffers = own.get("ArrayBuffer") as Constructor;
  const typed = Object.getPrototypeOf(Uint8Array.prototype) as { slice: unknown };
  const slices = [typed, ArrayBuffer.prototype].map((prototype) => ({
    prototype: prototype as { slice: (...values: unknown[]) => { byteLength: number } },
    slice: prototype.slice as (...values: unknown[]) => { byteLength: number },
  }));
  let bytes = 0;
  const counted = <T extends { byteLength: number }>(made: T): T => {
    bytes += made.byteLength;
    return made;
  };
  for (const [name, original] of own) {
    world[name] = new Proxy(original, {
      construct(target, values, newTarget) {
        const made = Reflect.construct(target, values, newTarget) as { byteLength: number };
        return (values as unknown[])[0] instanceof Buffers ? made : counted(made);
      },
    });
  }
  for (const { prototype, slice } of slices) {
    prototype.slice = function (...values) {
      return counted(slice.apply(this, values));
    };
  }
  try {
    run();
  } catch {
    // A refusal may allocate, too.
  } finally {
    for (const [name, original] of own) world[name] = original;
    for (const { prototype, slice } of slices) prototype.slice = slice;
  }
  return bytes;
}
