// The part of as-bind 0.8.2 that is used here; its own d.ts holds one `any`. A bare `import "as-bind"` fails, as the
// package's `main` is a transform for AssemblyScript 0.19.
declare module "as-bind/dist/as-bind.esm.js" {
  /** What a converter sees: the module's exports, and the type ids of the section "as-bind_bindings". */
  export interface AsBindInstance {
    readonly exports: object;
    /** Throws if the section does not list the type. */
    getTypeId(typeName: string): number;
  }

  export interface Converter {
    /** From what wasm returned (a pointer, a number) to what JavaScript gets. */
    ascToJs(instance: AsBindInstance, value: number, typeName: string): unknown;
    /** From an argument to what wasm gets. as-bind pins the pointer for the duration of the call. */
    jsToAsc(instance: AsBindInstance, value: never, typeName: string): number;
  }

  /** By type name; read once for each exported function, at instantiation. */
  export const converters: Map<string | RegExp, Converter>;

  /** Takes a compiled module, too, but synchronously only as scripts/mend_binders.mjs mends it for `dist`. */
  export function instantiate(module: object): Promise<AsBindInstance>;
  export function instantiateSync(module: object): AsBindInstance;
}
