import { once } from "node:events";
import { fileFault, report } from "./faults.js";

/** Prints, at the speed at which it is read. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** A reader that has had enough, as `head` has, is no error; a full disk is one. */
export function watchOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(report(fileFault("standard output", error)));
    process.exit(1);
  });
  // Nobody is left to tell.
  process.stderr.on("error", () => {});
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Ctrl-C, the first time: `end` is called, and work may come to its end. The second time the process is gone. */
export class Interruption {
  readonly #controller = new AbortController();
  /** What the process is to exit with; undefined while nothing was interrupted. */
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
