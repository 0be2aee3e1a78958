import { once } from "node:events";
import { fileFault, report } from "./faults.js";

/** Prints, and waits while the reader of the output is busy. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** A reader that stops early, as `head` does, is no error; a full disk is one. */
export function watchOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(report(fileFault("standard output", error)));
    process.exit(1);
  });
  // Without stderr an error has no place to go.
  process.stderr.on("error", () => {});
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** The first Ctrl-C calls `end`, and the work in progress may finish. A second one ends the process. */
export class Interruption {
  readonly #controller = new AbortController();
  /** The exit code of the process; undefined while nothing was interrupted. */
  code: number | undefined;

  constructor(end: () => void) {
    for (const [name, code] of Object.entries(SIGNALS)) {
      process.once(name, () => {
        this.code = code;
        this.#controller.abort();
        end();
      });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
}
