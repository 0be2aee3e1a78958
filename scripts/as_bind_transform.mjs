// Why this exists: as-bind 0.8.2 finds the signatures of a module's functions in its custom section
// "as-bind_bindings", but the transform it brings to write that section cannot load under AssemblyScript ≥ 0.20.
// This one writes the same section: type ids, and the signature of each function the entry file exports.
import { ElementKind, SourceKind } from "assemblyscript";
import { Transform } from "assemblyscript/transform";

/** A class by its path ("~lib/typedarray/Float64Array"), a number by its type ("f64"). */
function typeName(type) {
  return type.getClass()?.internalName ?? type.toString();
}

// asc asks for a default export.
export default class AsBindTransform extends Transform {
  afterCompile(module) {
    const typeIds = {};
    const exportedFunctions = {};
    for (const file of this.program.filesByName.values()) {
      if (file.source.sourceKind !== SourceKind.UserEntry) continue;
      for (const [name, element] of file.exports ?? []) {
        if (element.kind !== ElementKind.FunctionPrototype) continue;
        const instance = element.instances?.get("");
        if (!instance) throw new Error(`${name}: as-bind cannot bind a generic function`);
        const { returnType, parameterTypes } = instance.signature;
        for (const type of [returnType, ...parameterTypes]) {
          const managed = type.getClass();
          if (!managed) continue;
          typeIds[managed.internalName] = { id: managed.id, byteSize: managed.nextMemoryOffset };
        }
        exportedFunctions[name] = {
          returnType: typeName(returnType),
          parameters: parameterTypes.map(typeName),
        };
      }
    }
    const bindings = JSON.stringify({ typeIds, importedFunctions: {}, exportedFunctions });
    module.addCustomSection("as-bind_bindings", new TextEncoder().encode(bindings));
  }
}
