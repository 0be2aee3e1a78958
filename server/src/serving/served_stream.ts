/** A stream of a model at its worker. */
export interface ServedStream {
  toBytes(): Uint8Array;
  fromBytes(bytes: Uint8Array): void;
  fork(): ServedStream;
  dispose(): void;
}
