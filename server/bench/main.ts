// The load bench of the server: prints one table. See docs/decisions/jobs.md.

import { readLines, writeModel } from "./fixture.js";
import { jobs } from "./jobs.js";
import { readOptions } from "./options.js";
import { print, type Row } from "./table.js";
import { throughput } from "./throughput.js";

const options = readOptions(process.argv.slice(2));
writeModel();
if (readLines().length === 0) throw new Error("the fixture has no lines");
const rows: Row[] = [];
if (options.parts.includes("throughput")) rows.push(...(await throughput(options)));
if (options.parts.includes("jobs")) rows.push(...(await jobs(options)));
print(rows);
