// Types of what a host gives. They are declared here, as TypeScript's ES2022 library declares no host: a program without the
// dom library compiles against this package, too. The host's own types fit them.

/** Tells a call to stop: the part of an `AbortSignal` that is used. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** Why: becomes the `cause` of the `AbortedError`. */
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** A `Float64Array` over memory of its own, not shared: `Float64Array<ArrayBuffer>` since TypeScript 5.7. */
export type OwnFloat64Array = ReturnType<Float64ArrayConstructor["of"]>;
/** A `Float32Array` over memory of its own: `Float32Array<ArrayBuffer>` since TypeScript 5.7. */
export type OwnFloat32Array = ReturnType<Float32ArrayConstructor["of"]>;
/** Bytes in memory of their own: `Uint8Array<ArrayBuffer>` since TypeScript 5.7. */
export type OwnUint8Array = ReturnType<Uint8ArrayConstructor["of"]>;
/** An `Int32Array` over memory of its own: `Int32Array<ArrayBuffer>` since TypeScript 5.7. */
export type OwnInt32Array = ReturnType<Int32ArrayConstructor["of"]>;
