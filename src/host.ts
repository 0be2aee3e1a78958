// Types of what a host gives. They are declared here, as TypeScript's ES2022 library declares no host: a program without the
// dom library compiles against this package, too. The host's own types fit them.

/** An address: the part of a `URL` that is used. */
export interface UrlLike {
  readonly href: string;
  readonly protocol: string;
}

/** Tells a call to stop: the part of an `AbortSignal` that is used. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** Why: becomes the `cause` of the `AbortedError`. */
  readonly reason?: unknown;
  /** Calls `listener` when the signal aborts. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Ends what `addEventListener` began. */
  removeEventListener(type: "abort", listener: () => void): void;
}
