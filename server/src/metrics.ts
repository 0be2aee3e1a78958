import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry as Prometheus,
} from "prom-client";

const SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** What is counted and measured, as Prometheus reads it. */
export class Metrics {
  readonly register = new Prometheus();
  readonly requests: Counter<"route" | "status">;
  readonly duration: Histogram<"route">;
  readonly queueTime: Histogram<"model">;
  readonly batchSize: Histogram<"model">;
  readonly tokens: Counter<"model">;
  readonly problems: Counter<"code">;
  readonly loads: Counter<"model" | "result">;

  constructor() {
    const registers = [this.register];
    collectDefaultMetrics({ register: this.register });
    this.requests = new Counter({
      name: "recurra_requests_total",
      help: "Requests that were answered, by route and status.",
      labelNames: ["route", "status"],
      registers,
    });
    this.duration = new Histogram({
      name: "recurra_request_seconds",
      help: "Seconds from the head of a request to the end of its answer.",
      labelNames: ["route"],
      buckets: SECONDS,
      registers,
    });
    this.queueTime = new Histogram({
      name: "recurra_queue_seconds",
      help: "Seconds that the oldest sequence of a batch waited before it was sent to a worker.",
      labelNames: ["model"],
      buckets: SECONDS,
      registers,
    });
    this.batchSize = new Histogram({
      name: "recurra_batch_size",
      help: "Sequences, or pushes of streams, that were sent to the workers together.",
      labelNames: ["model"],
      buckets: SIZES,
      registers,
    });
    this.tokens = new Counter({
      name: "recurra_tokens_total",
      help: "Steps that were computed: tokens, rows, or runs of a graph.",
      labelNames: ["model"],
      registers,
    });
    this.problems = new Counter({
      name: "recurra_problems_total",
      help: "Requests that ended with a problem, by its code.",
      labelNames: ["code"],
      registers,
    });
    this.loads = new Counter({
      name: "recurra_model_loads_total",
      help: "Versions of models that were loaded or refused.",
      labelNames: ["model", "result"],
      registers,
    });
  }

  /** Adds a gauge that is read when the metrics are. */
  gauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: (set: (labels: Record<string, string>, value: number) => void) => void,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.register],
      collect() {
        this.reset();
        read((labels, value) => this.set(labels, value));
      },
    });
  }

  /** Adds a counter that somebody else keeps, and that is read when the metrics are. */
  counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.register],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}
