import {
  type AsBindInstance,
  type Converter,
  converters,
  instantiate,
  instantiateSync,
} from "as-bind/dist/as-bind.esm.js";
import { source } from "../../build/embedded/arrays.js";
import { unpack } from "./embedded.js";
import {
  compileFailed,
  isModule,
  type WasmBytes,
  type WasmMemory,
  type WasmModule,
  webAssembly,
} from "./webassembly.js";

/** The functions of the arrays module, as wrapped by as-bind. */
export interface ManagedFunctions {
  sigmoid(x: Float64Array): Float64Array;
  tanh(x: Float64Array): Float64Array;
  softmax(x: Float64Array): Float64Array;
  logSoftmax(x: Float64Array): Float64Array;
  logSumExp(x: Float64Array): number;
  buildInfo(): string;
}

/** The part of AssemblyScript's runtime that the converters use. */
interface Runtime {
  readonly memory: WasmMemory;
  /** Allocates an object that the garbage collector owns. */
  __new(bytes: number, typeId: number): number;
  __pin(pointer: number): number;
  __unpin(pointer: number): void;
  __collect(): void;
}

// AssemblyScript 0.28: the class id of ArrayBuffer, and the header of a typed array, three u32:
//   buffer | data start | byte length
const ARRAY_BUFFER_ID = 1;
const HEADER_BYTES = 12;
// The u32 before an object is its byte length.
const LENGTH_OFFSET = 4;

function runtimeOf(instance: AsBindInstance): Runtime {
  return instance.exports as Runtime;
}

/** Converts Float64Array by copy, in both directions. as-bind's own converter expects AssemblyScript 0.19. */
const float64Array: Converter = {
  ascToJs(instance, header) {
    const { buffer } = runtimeOf(instance).memory;
    const [, start = 0, bytes = 0] = new Uint32Array(buffer, header >>> 0, 3);
    return new Float64Array(buffer, start, bytes / 8).slice();
  },
  jsToAsc(instance, value: Float64Array, typeName) {
    const { memory, __new, __pin, __unpin } = runtimeOf(instance);
    const data = __pin(__new(value.byteLength, ARRAY_BUFFER_ID)) >>> 0;
    const header = __new(HEADER_BYTES, instance.getTypeId(typeName)) >>> 0;
    __unpin(data);
    new Uint32Array(memory.buffer, header, 3).set([data, data, value.byteLength]);
    new Float64Array(memory.buffer, data, value.length).set(value);
    return header;
  },
};

/** Converts strings, from wasm only. as-bind's own converter expects AssemblyScript 0.19. */
const string: Converter = {
  ascToJs(instance, text) {
    const { buffer } = runtimeOf(instance).memory;
    const pointer = text >>> 0;
    const bytes = new DataView(buffer).getUint32(pointer - LENGTH_OFFSET, true);
    return String.fromCharCode(...new Uint16Array(buffer, pointer, bytes / 2));
  },
  jsToAsc() {
    throw new TypeError("the arrays module takes no strings");
  },
};

/** Called when a module is opened, because importing the package must have no effect. */
function replaceStaleConverters(): void {
  converters.set("~lib/typedarray/Float64Array", float64Array);
  converters.set("~lib/string/String", string);
}

/** Bytes of the arrays module, or the module. */
export type ArraysSource = WasmBytes | WasmModule;

/** What as-bind threw, in the words of this package. */
const explained = (where: string, given: ArraysSource, cause: unknown): unknown =>
  isModule(given) ? cause : compileFailed(where, given, cause);

/** An instance of the arrays module, which collects its garbage after each call. */
export class ManagedModule {
  readonly #source: ArraysSource;
  #instance: AsBindInstance | undefined;

  private constructor(source: ArraysSource, instance: AsBindInstance) {
    this.#source = source;
    this.#instance = instance;
  }

  static async open(where: string, given: ArraysSource = unpack(source)): Promise<ManagedModule> {
    webAssembly(where);
    replaceStaleConverters();
    try {
      return new ManagedModule(given, await instantiate(given));
    } catch (cause) {
      throw explained(where, given, cause);
    }
  }

  static openSync(where: string, given: ArraysSource = unpack(source)): ManagedModule {
    webAssembly(where);
    replaceStaleConverters();
    try {
      return new ManagedModule(given, instantiateSync(given));
    } catch (cause) {
      throw explained(where, given, cause);
    }
  }

  /** Bytes of linear memory, which never shrinks. */
  get memoryBytes(): number {
    return this.#instance === undefined ? 0 : runtimeOf(this.#instance).memory.buffer.byteLength;
  }

  /**
   * Runs one function and then the garbage collector. Nothing is alive between two calls (results are copied out), so a
   * collection frees the few objects of this call only.
   *
   * A trap means that memory could not grow during the call, while operands were pinned. The instance is then dropped, the
   * next call opens another, and the user gets a RangeError that starts with `where`.
   */
  call<R>(where: string, run: (functions: ManagedFunctions) => R): R {
    this.#instance ??= instantiateSync(this.#source);
    const instance = this.#instance;
    try {
      const result = run(instance.exports as ManagedFunctions);
      runtimeOf(instance).__collect();
      return result;
    } catch (cause) {
      this.#instance = undefined;
      if (!(cause instanceof webAssembly(where).RuntimeError)) throw cause;
      throw new RangeError(`${where}: not enough WebAssembly memory`, { cause });
    }
  }
}
