// Why this exists: a kernel of the forward pass is one generic function, f<T>, and AssemblyScript exports no generic
// function. For each one that the entry file exports this adds f in f64 and f_f32 in f32, as if they were written there. A
// set of kernels (assembly/sets) has one number type, and no suffix: compile.mjs names it in NUMBER_TYPE. Nor has a kernel a
// suffix that training in f32 alone would call, of which the full build has f64: compile.mjs names the set of those in F64_ONLY.
import { readFileSync } from "node:fs";
import { CommonFlags, NodeKind, SourceKind } from "assemblyscript";
import { Transform } from "assemblyscript/transform";

const numberTypes = () => {
  const { NUMBER_TYPE } = process.env;
  return NUMBER_TYPE === undefined ? { "": "f64", _f32: "f32" } : { "": NUMBER_TYPE };
};

/** The names that the entry file of a set exports. */
function exportsOf(set) {
  const text = readFileSync(new URL(`../assembly/sets/${set}.ts`, import.meta.url), "utf8");
  return new Set(
    [...text.matchAll(/export \{([^}]*)\}/g)].flatMap(([, list]) => list.match(/\w+/g)),
  );
}

/** The generic functions that a file exports, by name. */
function genericFunctions({ statements }) {
  const generic = statements.filter(
    (each) =>
      each.kind === NodeKind.FunctionDeclaration &&
      each.is(CommonFlags.Export) &&
      each.typeParameters?.length > 0,
  );
  return new Map(generic.map((each) => [each.name.text, each]));
}

const textOf = ({ range }) => range.source.text.slice(range.start, range.end);

/** The source of one function for each number type. */
function instances(name, path, { signature: { parameters, returnType } }, types) {
  const list = parameters.map(textOf).join(", ");
  const values = parameters.map((parameter) => parameter.name.text).join(", ");
  const functions = Object.entries(types).map(
    ([suffix, type]) =>
      `export function ${name}${suffix}(${list}): ${textOf(returnType)} { return generic_${name}<${type}>(${values}); }`,
  );
  return [`import { ${name} as generic_${name} } from "${path}";`, ...functions].join("\n");
}

// asc asks for a default export.
export default class NumberTypesTransform extends Transform {
  afterParse(parser) {
    const { F64_ONLY } = process.env;
    const only = F64_ONLY === undefined ? new Set() : exportsOf(F64_ONLY);
    const typesOf = (name) => (only.has(name) ? { "": "f64" } : numberTypes());
    const files = new Map(parser.sources.map((source) => [source.internalPath, source]));
    for (const { statements, internalPath, sourceKind } of [...files.values()]) {
      if (sourceKind !== SourceKind.UserEntry) continue;
      const added = [];
      for (const statement of statements) {
        if (statement.kind !== NodeKind.Export || !statement.members) continue;
        const generic = genericFunctions(files.get(statement.internalPath));
        const isGeneric = ({ localName }) => generic.has(localName.text);
        for (const { localName } of statement.members.filter(isGeneric)) {
          const { text } = localName;
          added.push(instances(text, statement.path.value, generic.get(text), typesOf(text)));
        }
        // asc warns of what it does not export.
        statement.members = statement.members.filter((member) => !isGeneric(member));
      }
      if (added.length > 0)
        parser.parseFile(added.join("\n"), `${internalPath}.instances.ts`, true);
    }
  }
}
