import type { TableReading } from "./plan.js";
import { type InputRecord, LONGEST, type Place } from "./records.js";

/** A row of a table: a step, or the reason why it is none. */
export interface TableRow extends Place {
  /** The value of the group's column; undefined if the row lacks it, so that it belongs to the rows before. */
  readonly group: string | undefined;
  readonly step: Float64Array | string;
}

/** The most numbers of a sequence of a table. */
const MOST_NUMBERS = LONGEST;

/** Finds the rows of a table with which sequences begin. */
export class SequenceStarts {
  readonly #isGrouped: boolean;
  readonly #window: number;
  #group: string | undefined;
  #rows = 0;

  constructor({ group, window = Number.POSITIVE_INFINITY }: TableReading) {
    this.#isGrouped = group !== undefined;
    this.#window = window;
  }

  /** Whether the next row begins a sequence. */
  next(group: string | undefined): boolean {
    const isOther = this.#isGrouped && group !== undefined && group !== this.#group;
    if (isOther) this.#group = group;
    const begins = this.#rows === 0 || isOther || this.#rows === this.#window;
    this.#rows = begins ? 1 : this.#rows + 1;
    return begins;
  }
}

/** The sequences of rows. A row without a step fails its sequence. */
export async function* sequencesOf(
  rows: AsyncIterable<TableRow>,
  table: TableReading,
  what: "line" | "row",
): AsyncGenerator<InputRecord, void, void> {
  const starts = new SequenceStarts(table);
  let open: OpenSequence | undefined;
  for await (const row of rows) {
    if (starts.next(row.group)) {
      if (open !== undefined) yield open.record();
      open = new OpenSequence(row, table.features.length, what);
    }
    open?.add(row);
  }
  if (open !== undefined) yield open.record();
}

/** A sequence whose rows arrive. */
class OpenSequence {
  readonly #first: Place;
  readonly #width: number;
  readonly #what: string;
  readonly #steps: Float64Array[] = [];
  readonly #rows: Place[] = [];
  #count = 0;
  #reason: string | undefined;

  constructor({ line, fields }: TableRow, width: number, what: string) {
    this.#first = { line, fields };
    this.#width = width;
    this.#what = what;
  }

  add({ line, fields, step }: TableRow): void {
    this.#count++;
    if (this.#reason !== undefined) return;
    if (typeof step === "string") this.#fail(`${this.#what} ${line}: ${step}`);
    else if (this.#count * this.#width > MOST_NUMBERS) {
      const most = Math.floor(MOST_NUMBERS / this.#width);
      this.#fail(`expected at most ${most} rows: pass --window or --group`);
    } else {
      this.#steps.push(step);
      this.#rows.push({ line, fields });
    }
  }

  record(): InputRecord {
    if (this.#reason !== undefined) return { ...this.#first, reason: this.#reason };
    const data = new Float64Array(this.#count * this.#width);
    this.#steps.forEach((step, t) => {
      data.set(step, t * this.#width);
    });
    const sequence = { shape: [this.#count, this.#width], data };
    return { ...this.#first, rows: this.#rows, sequence };
  }

  /** Keeps the reason only. */
  #fail(reason: string): void {
    this.#reason = reason;
    this.#steps.length = 0;
    this.#rows.length = 0;
  }
}
