import { SingleBar } from "cli-progress";

/** Shows the progress of the training. */
export interface Progress {
  update(done: number, loss: number): void;
  stop(): void;
}

/** A bar if stderr is a terminal, otherwise a line at each tenth. Progress goes to stderr, because stdout is for results. */
export function progress(total: number): Progress {
  return process.stderr.isTTY ? bar(total) : lines(total);
}

function bar(total: number): Progress {
  const widget = new SingleBar({
    format: "  {bar} {percentage} % | {loss} nats per character | {eta} s left",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    etaBuffer: 500,
  });
  widget.start(total, 0, { loss: "-" });
  return {
    update: (done, loss) => widget.update(done, { loss: loss.toFixed(2) }),
    stop: () => widget.stop(),
  };
}

function lines(total: number): Progress {
  const start = performance.now();
  return {
    update(done, loss) {
      if (Math.floor((10 * done) / total) === Math.floor((10 * (done - 1)) / total)) return;
      const left = ((performance.now() - start) / 1000) * (total / done - 1);
      const percentage = String(Math.round((100 * done) / total)).padStart(5);
      console.error(
        `${percentage} % | ${loss.toFixed(2)} nats per character | ${left.toFixed(0)} s left`,
      );
    },
    stop() {},
  };
}
