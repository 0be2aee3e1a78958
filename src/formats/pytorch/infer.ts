import type { Architecture, DensePart, OutputName, PytorchNames } from "./architecture.js";
import {
  areNumbered,
  fail,
  findPlainModules,
  hintOf,
  join,
  list,
  type PlainModule,
  quote,
  type RecurrentModule,
  shown,
  type Tensors,
} from "./names.js";
import { readShapes, type ShapedModule } from "./recurrent.js";

type RecurrentModules = ReadonlyMap<string, RecurrentModule>;
type PlainModules = ReadonlyMap<string, PlainModule>;

const outputSize = ({ options }: ShapedModule): number =>
  (options.bidirectional ? 2 : 1) * (options.projectionSize ?? options.hiddenSize);

/** Infers the role of each module of a PyTorch file from names, shapes and the caller's answers. */
export function inferArchitecture(
  tensors: Tensors,
  metadata: ReadonlyMap<string, string>,
  modules: RecurrentModules,
  names: PytorchNames,
): Architecture {
  const stack = orderModules(modules, tensors, names.recurrent);
  const [bottom, top] = [stack[0] as ShapedModule, stack.at(-1) as ShapedModule];
  const nx = bottom.options.inputSize;
  const plain = findPlainModules(tensors);
  const { embedding, dense } = inferEnds(plain, tensors, nx, outputSize(top), names);
  const last = dense.at(-1);
  const ny = last && tensors.get(join(last.shares ?? last.name, "weight"))?.shape[0];
  const kind = names.input ?? (ny === nx ? "one-hot" : "features");
  const guessed = names.input === undefined ? true : undefined;
  return {
    input: embedding === undefined ? { kind, guessed } : { kind: "embedding", name: embedding },
    recurrent: stack.map(({ module: { name }, options: { cell } }) => {
      const relu = cell === "rnn" && isRelu(metadata, names);
      return { name, options: relu ? { nonlinearity: "relu" } : {} };
    }),
    dense,
    output: names.pooling === "step" ? "steps" : (names.pooling ?? "steps"),
  };
}

function isRelu(metadata: ReadonlyMap<string, string>, { nonlinearity }: PytorchNames): boolean {
  const name = nonlinearity ?? metadata.get("nonlinearity") ?? "tanh";
  if (name === "tanh" || name === "relu") return name === "relu";
  return fail("metadata", `nonlinearity: expected tanh or relu, got ${quote(name.slice(0, 40))}`);
}

const sizes = (modules: readonly ShapedModule[]): string =>
  list(
    modules.map((each) => {
      const { inputSize } = each.options;
      return `${quote(each.module.name)} (${inputSize} → ${outputSize(each)})`;
    }),
  );

/** The recurrent modules from the input upwards. */
function orderModules(
  modules: RecurrentModules,
  tensors: Tensors,
  wanted: PytorchNames["recurrent"],
): ShapedModule[] {
  if (modules.size === 0) {
    const found = list([...tensors.keys()].map((name) => shown(tensors, name)));
    fail("missing-tensor", `expected tensors named …weight_ih_l0 and so on, got ${found}`);
  }
  if (wanted !== undefined) {
    const asked = typeof wanted === "string" ? [wanted] : wanted;
    const ordered = asked.map((given) => {
      const name = given.replace(/\.$/, "");
      return modules.get(name) ?? failUnknown("recurrent", modules.keys(), name);
    });
    return checkOrder(ordered.map((module) => readShapes(module, tensors)));
  }
  const shaped = [...modules.values()].map((module) => readShapes(module, tensors));
  if (areNumbered(modules.keys())) return checkOrder(shaped);
  const expected = "expected recurrent modules that feed each other in one order";
  return (
    onlyOrder(shaped) ??
    fail("ambiguous", `${expected}, got ${sizes(shaped)}; give their order by the option recurrent`)
  );
}

const failUnknown = (option: string, names: Iterable<string>, name: string): never =>
  fail(
    "missing-tensor",
    `${option}: expected one of ${list([...names].map(quote))}, got ${quote(name)}`,
  );

function checkOrder(modules: ShapedModule[]): ShapedModule[] {
  modules.forEach((each, i) => {
    const below = modules[i - 1];
    if (below === undefined || outputSize(below) === each.options.inputSize) return;
    const expected = "expected each recurrent module to take the output of the one below it";
    const found = sizes([below, each]);
    fail("chain", `${expected}, got ${found}; give their order by the option recurrent`);
  });
  return modules;
}

/** The order that the sizes imply; undefined unless there is exactly one. */
function onlyOrder(modules: readonly ShapedModule[]): ShapedModule[] | undefined {
  // If two modules have the same input size their order is ambiguous; the map keeps one and the walk returns undefined.
  const byInput = new Map(modules.map((each) => [each.options.inputSize, each]));
  const outputs = new Set(modules.map(outputSize));
  const [start, ...others] = modules.filter(({ options }) => !outputs.has(options.inputSize));
  // Without a lowest module the sizes form a circle, which could start anywhere.
  if (start === undefined || others.length > 0) return undefined;
  const ordered = new Set<ShapedModule>();
  let at: ShapedModule | undefined = start;
  while (at !== undefined && !ordered.has(at)) {
    ordered.add(at);
    at = byInput.get(outputSize(at));
  }
  return ordered.size === modules.length ? [...ordered] : undefined;
}

/** The embedding below the recurrent modules and the linear modules above: the caller's, else those whose shapes fit. */
function inferEnds(
  modules: PlainModules,
  tensors: Tensors,
  nx: number,
  n: number,
  names: PytorchNames,
): { embedding: string | undefined; dense: readonly DensePart[] } {
  const { embedding: below, output: above } = names;
  const given = [above ?? []].flat() as readonly OutputName[];
  const givenBelow = typeof below === "string" ? moduleOf(modules, "embedding", below) : undefined;
  const givenAbove = given.map((each) => densePart(modules, each));
  const taken = new Set([
    givenBelow?.weight,
    ...givenAbove.map(({ name, shares = name }) => join(shares, "weight")),
  ]);
  const fits = ({ weight = "" }: PlainModule, columns: number): boolean => {
    const shape = tensors.get(weight)?.shape ?? [];
    return shape.length === 2 && shape[1] === columns && !taken.has(weight);
  };
  const all = [...modules.values()];
  const isOpen = {
    below: below === undefined && names.input === undefined,
    above: above === undefined,
  };
  const found = chooseEnds(
    tensors,
    {
      embedding: all.filter((each) => isOpen.below && each.bias === undefined && fits(each, nx)),
      output: all.filter((each) => isOpen.above && fits(each, n)),
    },
    { embedding: `(V, nx) with nx = ${nx}`, output: `(ny, n) with n = ${n}` },
  );
  return {
    embedding: (givenBelow ?? found.embedding)?.name,
    dense: found.output === undefined ? givenAbove : [densePart(modules, found.output.name)],
  };
}

interface Ends {
  readonly embedding: PlainModule | undefined;
  readonly output: PlainModule | undefined;
}

type Role = keyof Ends;
type Candidate = { readonly module: PlainModule; readonly worth: number } | undefined;

/** The modules that a role may go to, the likeliest first, and none. A name that suggests the other role excludes it. */
function candidatesOf(role: Role, modules: readonly PlainModule[]): readonly Candidate[] {
  const [named, others]: [Candidate[], Candidate[]] = [[], []];
  for (const module of modules) {
    const hinted = hintOf(module.name);
    if (hinted === undefined) others.push({ module, worth: 1 });
    else if (hinted === role) named.push({ module, worth: 3 });
  }
  // Three of equal worth show a tie, and leave a choice if the other role takes one of them.
  return [...[...named, ...others].slice(0, 3), undefined];
}

/** The embedding below and the linear module on top, as far as no option names them. */
function chooseEnds(
  tensors: Tensors,
  fitting: Readonly<Record<Role, readonly PlainModule[]>>,
  expected: Readonly<Record<Role, string>>,
): Ends {
  const outputs = candidatesOf("output", fitting.output);
  const possible = candidatesOf("embedding", fitting.embedding)
    .flatMap((below) =>
      outputs.map((above) => ({
        ends: { embedding: below?.module, output: above?.module },
        worth: (below?.worth ?? 0) + (above?.worth ?? 0),
      })),
    )
    .filter(({ ends }) => ends.embedding === undefined || ends.embedding !== ends.output);
  const most = Math.max(...possible.map(({ worth }) => worth));
  const best = possible.filter(({ worth }) => worth === most).map(({ ends }) => ends);
  const [first, ...others] = best;
  if (first === undefined || others.length === 0) {
    return first ?? { embedding: undefined, output: undefined };
  }
  const open = (["embedding", "output"] as const).filter((role) =>
    others.some((ends) => ends[role] !== first[role]),
  );
  const tied = new Set(best.flatMap((ends) => open.map((role) => ends[role]?.weight)));
  const found = [...tied].flatMap((name) => (name === undefined ? [] : [shown(tensors, name)]));
  const roles = open.map((role) => `one ${role} ${expected[role]}`).join(" and ");
  const options = open.length > 1 ? "s embedding and output" : ` ${open[0]}`;
  return fail("ambiguous", `expected ${roles}, got ${list(found)}; choose by the option${options}`);
}

/** The module of a name that the caller gave, with or without `.weight` at its end. */
function moduleOf(modules: PlainModules, option: string, given: string): PlainModule {
  const name = given.replace(/(^|\.)weight$/, "");
  return modules.get(name) ?? failUnknown(option, modules.keys(), name);
}

function densePart(modules: PlainModules, given: OutputName): DensePart {
  const options = typeof given === "string" ? { name: given } : given;
  const { name, weight, activation = "identity" } = options;
  const shares = weight === undefined ? {} : { shares: moduleOf(modules, "output", weight).name };
  return { name: moduleOf(modules, "output", name).name, ...shares, activation };
}
