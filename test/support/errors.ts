import { expect } from "vitest";

// What a test says of an error: its class, and its message. In a message … stands for any text, so that most tests pin
// the place, the operand and what was found ("forward: x: … got (3, 4)"), and one test per rule pins the whole sentence.

type ErrorClass = new (...operands: never[]) => Error;

/** Matches a whole message in which … stands for any text. */
export function saying(message: string): RegExp {
  const parts = message.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

/** What the call throws; undefined when it returns. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** `error` is of exactly this class, and says this. */
export function expectSaid(error: unknown, kind: ErrorClass, message: string | RegExp): void {
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).constructor).toBe(kind);
  expect((error as Error).message).toMatch(typeof message === "string" ? saying(message) : message);
}

/** The call throws an error of exactly this class that says this. */
export function expectError(call: () => unknown, kind: ErrorClass, message: string | RegExp): void {
  expectSaid(thrownBy(call), kind, message);
}

/** The promise is rejected with an error of exactly this class that says this. */
export async function expectRejection(
  promise: Promise<unknown>,
  kind: ErrorClass,
  message: string | RegExp,
): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expectSaid(error, kind, message);
}
