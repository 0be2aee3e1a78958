// The load bench of the server: prints one table. See docs/decisions/jobs.md.
import { abuse } from "./abuse.js";
import { writeModel } from "./fixture.js";
import { jobs } from "./jobs.js";
import { live, memory } from "./live.js";
import { type BenchOptions, type Part, readOptions } from "./options.js";
import { soak } from "./soak.js";
import { print, type Row } from "./table.js";
import { throughput } from "./throughput.js";

const MEASURES: Readonly<Record<Part, (options: BenchOptions) => Promise<Row[]>>> = {
  throughput,
  live,
  memory,
  abuse,
  soak,
  jobs,
};

const options = readOptions(process.argv.slice(2));
writeModel();
const rows: Row[] = [];
for (const part of options.parts) rows.push(...(await MEASURES[part](options)));
print(rows);
