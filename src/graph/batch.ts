import type { Floats } from "../wasm/abi.js";
import { type BatchPlan, exchange, type Lane } from "./batch_plan.js";
import { runTogether } from "./batch_run.js";
import type { Declared, Given, GraphInput, GraphOutput } from "./input.js";
import type { Port } from "./program.js";
import type { Runner } from "./runner.js";
import type { StreamContent } from "./stream.js";
import { checkStates } from "./stream.js";
import { allocate, replaced, sameShape, sizeOf } from "./value.js";

/** Streams that are run together. Few sizes, so that few programs are made; all whole tiles of rows. */
const SIZES = [16, 4];

const laneOf = (shape: readonly number[], axis: number): Lane => ({
  outer: sizeOf(shape.slice(0, axis)),
  inner: sizeOf(shape.slice(axis + 1)),
});

/** One push of each stream: together where the graph allows it, and else one by one. */
export function pushBatched(
  where: string,
  runner: Runner,
  streams: readonly StreamContent[],
  inputs: readonly Readonly<Record<string, GraphInput>>[],
  into: Record<string, GraphOutput>[] = [],
): Record<string, GraphOutput>[] {
  // All inputs are checked before any state changes.
  for (let i = 0; i < streams.length; i++) {
    const stream = streams[i] as StreamContent;
    const own = inputs[i] as Record<string, GraphInput>;
    runner.take(where, own, stream.given, stream.states);
    into[i] ??= {};
  }
  for (const group of preparedGroups(where, runner, streams)) {
    for (let done = 0; done < group.length; ) {
      const n = SIZES.find((size) => size <= group.length - done) ?? 1;
      const members = group.slice(done, done + n);
      const chosen = members.map((i) => streams[i] as StreamContent);
      const plan = n === 1 ? undefined : planOf(where, runner, chosen);
      if (plan === undefined) {
        const [i] = members as [number];
        (streams[i] as StreamContent).run(where, into[i] as Record<string, GraphOutput>);
        done++;
      } else {
        const targets = members.map((i) => into[i] as Record<string, GraphOutput>);
        runTogether(where, runner, chosen, plan, targets);
        done += n;
      }
    }
  }
  into.length = streams.length;
  return into;
}

/** The groups, each with its program: what cannot be computed is an error before any state changes. */
function preparedGroups(
  where: string,
  runner: Runner,
  streams: readonly StreamContent[],
): Iterable<number[]> {
  const { compiler } = runner;
  const wasSpecialised = compiler.isAnySpecialised;
  const groups = [...groupsOf(runner, streams)];
  for (const [i] of groups) (streams[i as number] as StreamContent).prepare(where);
  // The numbers on which sizes depend tell groups apart from the first program on that asks for them.
  if (compiler.isAnySpecialised === wasSpecialised) return groups;
  return preparedGroups(where, runner, streams);
}

/** The places of streams that can run together: mostly all of them. */
function groupsOf(runner: Runner, streams: readonly StreamContent[]): Iterable<number[]> {
  const groups = new Map<string, number[]>();
  for (let i = 0; i < streams.length; i++) {
    const key = keyOf(runner, streams[i] as StreamContent);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [i]);
    else group.push(i);
  }
  return groups.values();
}

/** The states of a stream, the shapes that it is given, and the numbers where sizes depend on them: who has the same can run together. */
function keyOf({ compiler }: Runner, stream: StreamContent): string {
  const { given, mapping, keyed } = stream;
  const isKnown =
    keyed !== undefined &&
    given.every((own, i) => own === undefined || sameShape(own.shape, keyed.shapes[i] ?? []));
  if (isKnown && !compiler.isAnySpecialised) return keyed.key;
  const shapes = compiler.inputs.map(({ name }, i) => {
    const own = given[i];
    if (own === undefined) return "";
    const numbers = compiler.isSpecialised(name) ? Array.from(own.data as number[]) : "";
    return `${own.shape}:${numbers}`;
  });
  const key = `${shapes.join(";")}|${mapping}`;
  stream.keyed = { shapes: given.map((own) => own && [...own.shape]), key };
  return key;
}

/** The plan for as many streams as these; nothing where they cannot run together. */
function planOf(
  where: string,
  runner: Runner,
  streams: readonly StreamContent[],
): BatchPlan | undefined {
  const name = `${streams.length} ${keyOf(runner, streams[0] as StreamContent)}`;
  const known = runner.batches.get(name);
  if (known !== undefined) return known ?? undefined;
  let plan: BatchPlan | undefined;
  try {
    plan = makePlan(where, runner, streams);
    if (plan !== undefined && !givesSameBits(where, runner, streams, plan)) plan = undefined;
  } catch {
    // A graph that is not made for more than one stream fails for them; alone each is right.
    plan = undefined;
  }
  // Shapes are the caller's: what is kept of them is bounded.
  if (runner.batches.size >= 64) runner.batches.clear();
  runner.batches.set(name, plan ?? null);
  return plan;
}

/** The axis along which the graph takes several of what it is given once: the first open one. */
function axisOf({ shape: declared }: Declared, shape: readonly number[]): number | undefined {
  const axis = shape.findIndex((_, i) => typeof declared?.[i] !== "number");
  return axis >= 0 && shape[axis] === 1 ? axis : undefined;
}

function makePlan(
  where: string,
  runner: Runner,
  streams: readonly StreamContent[],
): BatchPlan | undefined {
  const { compiler } = runner;
  const [first] = streams as [StreamContent];
  const n = streams.length;
  const lanes = new Map<string, Lane>();
  const given: (Given | undefined)[] = [];
  for (let i = 0; i < compiler.inputs.length; i++) {
    const declared = compiler.inputs[i] as Declared;
    const own = first.given[i];
    if (own === undefined || compiler.isSpecialised(declared.name)) {
      given.push(own);
      continue;
    }
    const axis = axisOf(declared, own.shape);
    if (axis === undefined) return undefined;
    lanes.set(declared.name, laneOf(own.shape, axis));
    given.push({ shape: replaced(own.shape, axis, n), data: [] });
  }
  const alone = runner.program(where, first.given);
  checkStates(where, alone, first.parts);
  const shapes = alone.outputs.map(({ value }) => value.shape);
  const together = runner.program(where, given);
  const outputs = new Map<string, Lane>();
  for (let i = 0; i < shapes.length; i++) {
    const [shape, port] = [shapes[i] as readonly number[], together.outputs[i] as Port];
    const axis = shape.findIndex((extent, a) => extent !== port.value.shape[a]);
    if (axis < 0 || shape[axis] !== 1 || `${replaced(shape, axis, n)}` !== `${port.value.shape}`) {
      return undefined;
    }
    outputs.set(port.name, laneOf(shape, axis));
  }
  return { given, inputs: lanes, outputs, bound: undefined };
}

/** Whether n streams of drawn numbers give together, bit for bit, what each gives alone. */
function givesSameBits(
  where: string,
  runner: Runner,
  streams: readonly StreamContent[],
  plan: BatchPlan,
): boolean {
  const n = streams.length;
  const [{ given }] = streams as [StreamContent];
  let seed = 1;
  const draw = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed / 2 ** 31 - 1;
  };
  const drawn = new Map<string, Floats[]>();
  const alone: Map<string, Floats>[] = [];
  for (let s = 0; s < n; s++) {
    const program = runner.program(where, given);
    for (const port of program.inputs) {
      const { kind, precision, size } = port.value;
      const numbers = allocate(precision, size).map(() =>
        kind === "float" ? draw() : Number(draw() > 0),
      ) as Floats;
      program.view(port).set(numbers);
      drawn.set(port.name, [...(drawn.get(port.name) ?? []), numbers]);
    }
    program.run();
    alone.push(new Map(program.outputs.map((port) => [port.name, program.view(port).slice()])));
  }
  const program = runner.program(where, plan.given);
  for (const port of program.inputs) {
    const lane = plan.inputs.get(port.name) as Lane;
    drawn.get(port.name)?.forEach((numbers, s) => {
      exchange(lane, { n, s }, numbers, program.view(port), true);
    });
  }
  program.run();
  return program.outputs.every((port) => {
    const lane = plan.outputs.get(port.name) as Lane;
    const numbers = allocate(port.value.precision, lane.outer * lane.inner);
    return alone.every((outputs, s) => {
      exchange(lane, { n, s }, numbers, program.view(port), false);
      const expected = outputs.get(port.name) as Floats;
      return numbers.every((number, i) => Object.is(number, expected[i]));
    });
  });
}
