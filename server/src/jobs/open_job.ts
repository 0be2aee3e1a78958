import { resolve } from "node:path";
import type { PlanOptions } from "./command_options.js";
import { modelOf } from "./job_model.js";
import { openPlan } from "./local_run.js";
import type { Plan } from "./plan.js";

/** A job and its folder. */
export interface OpenJob {
  readonly folder: string;
  readonly plan: Plan;
}

/** The plan that options ask for: that in the output folder, or a new one. */
export async function openJob(options: PlanOptions): Promise<OpenJob> {
  const { model: path, vocabulary, unknown, precision, kind, pooling } = options;
  const request = {
    precision,
    ...(kind === undefined ? {} : { kind }),
    ...(pooling === undefined ? {} : { pooling }),
    ...(vocabulary === undefined ? {} : { vocabulary }),
    ...(unknown === undefined
      ? {}
      : { unknown: /^\d+$/.test(unknown) ? Number(unknown) : unknown }),
  };
  const model = await modelOf(path, request);
  const folder = resolve(options.output);
  const { input: inputs, to: output, perToken = false } = options;
  const { format, field, with: others, features, group, window, values, shardBytes } = options;
  const reading = { format, field, with: others, features, group, window, values, shardBytes };
  const plan = await openPlan(
    { model, inputs, folder, perToken, output, ...reading },
    options.merge,
  );
  return { folder, plan };
}
