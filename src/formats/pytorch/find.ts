import type { DenseLayout, Layout, OutputName, PytorchNames } from "./layout.js";
import {
  areNumbered,
  fail,
  findModules,
  type Group,
  hintOf,
  join,
  list,
  type Module,
  quote,
  shown,
  type Tensors,
} from "./names.js";
import { readShapes, type Shaped } from "./recurrent.js";

type Modules = ReadonlyMap<string, Module>;

const sizeOf = ({ options }: Shaped): number =>
  (options.bidirectional ? 2 : 1) * (options.projectionSize ?? options.hiddenSize);

/** Finds out which module of a PyTorch file is what, by names, shapes and what the caller says. */
export function findLayout(
  tensors: Tensors,
  metadata: ReadonlyMap<string, string>,
  groups: readonly Group[],
  names: PytorchNames,
): Layout {
  const chain = findChain(groups, tensors, names.recurrent);
  const [bottom, top] = [chain[0] as Shaped, chain.at(-1) as Shaped];
  const modules = findModules(tensors);
  const nx = bottom.options.inputSize;
  const { embedding, dense } = endsOf(modules, tensors, nx, sizeOf(top), names);
  const last = dense.at(-1);
  const ny = last && tensors.get(join(last.shares ?? last.name, "weight"))?.shape[0];
  const kind = names.input ?? (ny === nx ? "one-hot" : "features");
  return {
    input: embedding === undefined ? { kind } : { kind: "embedding", name: embedding },
    recurrent: chain.map(({ group: { name }, options: { cell } }) => {
      const relu = cell === "rnn" && isRelu(metadata, names);
      return { name, options: relu ? { nonlinearity: "relu" } : {} };
    }),
    dense,
    output: "steps",
  };
}

function isRelu(metadata: ReadonlyMap<string, string>, { nonlinearity }: PytorchNames): boolean {
  const said = nonlinearity ?? metadata.get("nonlinearity") ?? "tanh";
  if (said === "tanh" || said === "relu") return said === "relu";
  return fail("metadata", `nonlinearity: expected tanh or relu, got ${quote(said.slice(0, 40))}`);
}

const decides = (option: string): string => `; the option ${option} decides`;

const sizes = (all: readonly Shaped[]): string =>
  list(
    all.map((each) => `${quote(each.group.name)} (${each.options.inputSize} → ${sizeOf(each)})`),
  );

/** The recurrent modules from the input upwards. */
function findChain(
  groups: readonly Group[],
  tensors: Tensors,
  wanted: PytorchNames["recurrent"],
): Shaped[] {
  if (groups.length === 0) {
    const found = list([...tensors.keys()].map((name) => shown(tensors, name)));
    fail("missing-tensor", `expected tensors named …weight_ih_l0 and so on, got ${found}`);
  }
  if (wanted !== undefined) {
    const asked = typeof wanted === "string" ? [wanted] : wanted;
    const chain = asked.map((name) => {
      const own = name.replace(/\.$/, "");
      const group = groups.find((each) => each.name === own);
      const known = list(groups.map((each) => quote(each.name)));
      return (
        group ?? fail("missing-tensor", `recurrent: expected one of ${known}, got ${quote(own)}`)
      );
    });
    return checkChain(chain.map((group) => readShapes(group, tensors)));
  }
  const all = groups.map((group) => readShapes(group, tensors));
  if (areNumbered(groups)) return checkChain(all);
  return (
    onlyChain(all) ??
    fail(
      "ambiguous",
      `expected one chain of recurrent modules, got ${sizes(all)}${decides("recurrent")}`,
    )
  );
}

function checkChain(chain: Shaped[]): Shaped[] {
  chain.forEach((each, i) => {
    const below = chain[i - 1];
    if (below === undefined || sizeOf(below) === each.options.inputSize) return;
    const expected = `expected each recurrent module to take what the one below it gives`;
    fail("chain", `${expected}, got ${sizes([below, each])}${decides("recurrent")}`);
  });
  return chain;
}

/** The order that the sizes ask for, if there is exactly one. */
function onlyChain(all: readonly Shaped[]): Shaped[] | undefined {
  // Of two that take the same, which could change places, one is lost here: the chain below does not hold them all then.
  const byInput = new Map(all.map((each) => [each.options.inputSize, each]));
  const given = new Set(all.map(sizeOf));
  const [start, ...others] = all.filter(({ options }) => !given.has(options.inputSize));
  // Without a start, a circle could begin anywhere.
  if (start === undefined || others.length > 0) return undefined;
  const chain = new Set<Shaped>();
  let at: Shaped | undefined = start;
  while (at !== undefined && !chain.has(at)) {
    chain.add(at);
    at = byInput.get(sizeOf(at));
  }
  return chain.size === all.length ? [...chain] : undefined;
}

/** What stands below the recurrent modules and on top of them: as the caller says, else as it fits. */
function endsOf(
  modules: Modules,
  tensors: Tensors,
  nx: number,
  n: number,
  names: PytorchNames,
): { embedding: string | undefined; dense: readonly DenseLayout[] } {
  const { embedding: below, output: above = undefined } = names;
  const given = [above ?? []].flat() as readonly OutputName[];
  const saidBelow = typeof below === "string" ? moduleOf(modules, "embedding", below) : undefined;
  const saidAbove = given.map((each) => denseOf(modules, each));
  const taken = new Set([
    saidBelow?.weight,
    ...saidAbove.map(({ name, shares = name }) => join(shares, "weight")),
  ]);
  const fits = ({ weight = "" }: Module, columns: number): boolean => {
    const shape = tensors.get(weight)?.shape ?? [];
    return shape.length === 2 && shape[1] === columns && !taken.has(weight);
  };
  const all = [...modules.values()];
  const isOpen = {
    below: below === undefined && names.input === undefined,
    above: above === undefined,
  };
  const found = findEnds(
    tensors,
    {
      embedding: all.filter((each) => isOpen.below && each.bias === undefined && fits(each, nx)),
      output: all.filter((each) => isOpen.above && fits(each, n)),
    },
    { embedding: `(V, nx) with nx = ${nx}`, output: `(ny, n) with n = ${n}` },
  );
  return {
    embedding: (saidBelow ?? found.embedding)?.name,
    dense: found.output === undefined ? saidAbove : [denseOf(modules, found.output.name)],
  };
}

interface Ends {
  readonly embedding: Module | undefined;
  readonly output: Module | undefined;
}

type Role = keyof Ends;

/** What a module's name is worth for a role; nothing where it says the other one. */
function worth(role: Role, { name }: Module): number {
  const hint = hintOf(name);
  if (hint === undefined) return 1;
  return hint === role ? 3 : 0;
}

/** The embedding below and the linear module on top, where no option says what they are. */
function findEnds(
  tensors: Tensors,
  candidates: Readonly<Record<Role, readonly Module[]>>,
  expected: Readonly<Record<Role, string>>,
): Ends {
  // Three of equal worth show a tie, and leave a choice when one is taken by the other role.
  const best = (role: Role): (Module | undefined)[] => {
    const fitting = candidates[role].filter((each) => worth(role, each) > 0);
    return [...fitting.sort((a, b) => worth(role, b) - worth(role, a)).slice(0, 3), undefined];
  };
  const pairs = best("embedding").flatMap((embedding) =>
    best("output").map((output) => ({ embedding, output })),
  );
  const total = ({ embedding, output }: Ends) =>
    (embedding ? worth("embedding", embedding) : 0) + (output ? worth("output", output) : 0);
  const possible = pairs.filter(({ embedding, output }) => !embedding || embedding !== output);
  const most = Math.max(...possible.map(total));
  const [first, ...others] = possible.filter((pair) => total(pair) === most);
  if (first === undefined || others.length === 0) {
    return first ?? { embedding: undefined, output: undefined };
  }
  const open = (["embedding", "output"] as const).filter((role) =>
    others.some((pair) => pair[role] !== first[role]),
  );
  const tied = new Set(
    [first, ...others].flatMap((pair) => open.map((role) => pair[role]?.weight)),
  );
  const found = [...tied].flatMap((name) => (name === undefined ? [] : [shown(tensors, name)]));
  const roles = open.map((role) => `one ${role} ${expected[role]}`).join(" and ");
  const options =
    open.length > 1 ? "; the options embedding and output decide" : decides(open[0] ?? "");
  return fail("ambiguous", `expected ${roles}, got ${list(found)}${options}`);
}

/** The module of a name that the caller gave, with `.weight` or without. */
function moduleOf(modules: Modules, option: string, given: string): Module {
  const name = given.replace(/(^|\.)weight$/, "");
  const known = list([...modules.keys()].map(quote));
  return (
    modules.get(name) ??
    fail("missing-tensor", `${option}: expected one of ${known}, got ${quote(name)}`)
  );
}

function denseOf(modules: Modules, given: OutputName): DenseLayout {
  const asked = typeof given === "string" ? { name: given } : given;
  const { name, weight, activation = "identity" } = asked;
  const shares = weight === undefined ? {} : { shares: moduleOf(modules, "output", weight).name };
  return { name: moduleOf(modules, "output", name).name, ...shares, activation };
}
