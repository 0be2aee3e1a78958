/** What the streams of taggers and graphs have in common. */
interface LibraryStream {
  readonly state: { toBytes(): Uint8Array; fromBytes(bytes: Uint8Array): void };
  fork(): LibraryStream;
  dispose(): void;
}

/** A stream of a model at its worker. */
export class ServedStream<S extends LibraryStream = LibraryStream> {
  readonly inner: S;

  constructor(inner: S) {
    this.inner = inner;
  }

  toBytes(): Uint8Array {
    return this.inner.state.toBytes();
  }

  fromBytes(bytes: Uint8Array): void {
    this.inner.state.fromBytes(bytes);
  }

  fork(): ServedStream<S> {
    return new ServedStream(this.inner.fork() as S);
  }

  dispose(): void {
    this.inner.dispose();
  }
}
