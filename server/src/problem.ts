/** What went wrong, as a client sees it: the codes of all problems, with their HTTP status and title. */
export const PROBLEMS = {
  "invalid-request": [400, "The request is not valid"],
  "invalid-json": [400, "The body is not valid JSON"],
  "unknown-token": [400, "A text contains a token that the model's vocabulary lacks"],
  "invalid-sequence": [400, "A sequence cannot be used by the model"],
  "invalid-tensor": [400, "A tensor does not match the model's input"],
  unauthorized: [401, "A valid token is required"],
  forbidden: [403, "The operation is switched off"],
  "not-found": [404, "No such resource"],
  "model-not-found": [404, "No such model"],
  "stream-not-found": [404, "No such stream, or its time to live ended"],
  "method-not-allowed": [405, "The resource does not have this method"],
  timeout: [408, "The request arrived too slowly"],
  "position-conflict": [409, "The stream is at another position"],
  "stream-lost": [
    409,
    "The worker of the stream ended; the stream is at the last state that was saved",
  ],
  "model-mismatch": [409, "The state belongs to another model"],
  "too-large": [413, "The body is too large"],
  "unsupported-media-type": [415, "The content type is not supported"],
  "invalid-model": [422, "The model cannot be served"],
  "headers-too-large": [431, "The headers are too large"],
  "rate-limited": [429, "Too many requests"],
  "client-closed": [499, "The client closed the request"],
  internal: [500, "The server failed"],
  "worker-lost": [500, "The worker ended while it had the sequence"],
  "not-supported": [501, "The model does not offer this operation"],
  overloaded: [503, "The server has no room for the request"],
  "not-ready": [503, "The server is not ready"],
  "state-unavailable": [503, "The store of states cannot be reached"],
  "deadline-exceeded": [504, "The deadline of the request has passed"],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The body of an error: RFC 9457, with a code. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly [extra: string]: unknown;
}

/** An error that a client is told. Everything else becomes `internal`, without its message. */
export class Problem extends Error {
  override name = "Problem";
  readonly code: ProblemCode;
  readonly status: number;
  /** Members of the body beside those that every problem has. */
  readonly extras: Readonly<Record<string, unknown>>;
  /** Seconds after which the client may try again. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      readonly extras?: Readonly<Record<string, unknown>>;
      readonly retryAfter?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = PROBLEMS[code][0];
    this.extras = options.extras ?? {};
    this.retryAfter = options.retryAfter;
  }

  get body(): ProblemBody {
    const [status, title] = PROBLEMS[this.code];
    const type = `urn:recurra:problem:${this.code}`;
    return { type, title, status, code: this.code, detail: this.message, ...this.extras };
  }
}
