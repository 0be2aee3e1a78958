import { describe, expect, it } from "vitest";
import { WorkerLostError } from "../../src/errors.js";
import type { Score } from "../../src/model/score_work.js";
import { Tokenizer } from "../../src/model/vocabulary.js";
import { Call } from "../../src/pool/call.js";
import { ROOM } from "../../src/pool/crew.js";
import type { CrewWorker } from "../../src/pool/crew_worker.js";
import { packScores, SCORES } from "../../src/pool/scores.js";
import type { Task } from "../../src/pool/task.js";
import { expectSaid } from "../support/errors.js";

// A call beside workers that do what the test says.

const COUNT = 30;
const given = Array.from({ length: COUNT }, (_, i) => Int32Array.of(i % 5, 1));

const callOf = (tries: number): Call<Score> =>
  new Call({
    kind: SCORES,
    onBatch: undefined,
    where: "score",
    given,
    first: 100,
    onError: "return",
    from: undefined,
    signal: undefined,
    onProgress: undefined,
    tokenizer: new Tokenizer(5),
    workers: 1,
    tries,
  });

/** What the next portion asks of a worker; undefined if there is none for it. */
function taken(call: Call<Score>, isIdle = true): Task | undefined {
  let task: Task | undefined;
  const ask = (asked: Task): number => {
    task = asked;
    return 1;
  };
  call.next({ isIdle, takesLong: true })?.({
    ask,
    abort: () => undefined,
  } as unknown as CrewWorker);
  return task;
}

/** The first token of each sequence of a task. */
const sizeOf = (task: Task | undefined): number => {
  const message = task?.message(1);
  return message?.kind === "score" ? message.sequences.length : 0;
};

function finish(task: Task | undefined): void {
  const tokenLogProbs = Float64Array.of(-1);
  const score = { logProb: -1, tokenLogProbs, tokens: 1, perplexity: Math.E, bitsPerToken: 1 };
  task?.done({ ...packScores(1, Array(sizeOf(task)).fill(score)), memory: 0, worked: 0 });
}

describe("a portion whose worker ended", () => {
  it("is tried again in parts, each of which is alone at its worker; in the last try each sequence is", () => {
    const call = callOf(3);
    const first = taken(call);
    expect([sizeOf(first), first?.weight]).toEqual([COUNT, 1]);
    first?.lost(new Error("ended"), true);
    expect(call.waitsForIdle).toBe(true);
    expect(taken(call, false)).toBeUndefined();
    const second = taken(call);
    // √30, rounded.
    expect([sizeOf(second), second?.weight]).toEqual([5, ROOM]);
    second?.lost(new Error("ended"), true);
    const third = taken(call);
    expect([sizeOf(third), third?.weight]).toEqual([1, ROOM]);
  });

  it("that had not begun it: it stays whole and counts no try, and yet is alone next", async () => {
    const call = callOf(1);
    for (let time = 0; time < 5; time++) {
      const task = taken(call);
      expect([sizeOf(task), task?.weight]).toEqual([COUNT, time === 0 ? 1 : ROOM]);
      task?.lost(new Error("ended"), false);
    }
    finish(taken(call));
    expect(await call.finished).toHaveLength(COUNT);
  });

  it("a sequence with which as many workers ended as there are tries has an error, the others their scores", async () => {
    const call = callOf(2);
    taken(call)?.lost(new Error("it ended"), true);
    const fatal = taken(call);
    expect(sizeOf(fatal)).toBe(1);
    fatal?.lost(new Error("it ended"), true);
    for (let task = taken(call); task !== undefined; task = taken(call)) finish(task);
    const results = await call.finished;
    const errors = results.filter((each) => each instanceof WorkerLostError);
    expect(errors).toHaveLength(1);
    const i = results.indexOf(errors[0] as WorkerLostError);
    const message = `score: sequences[${100 + i}]: the worker that scored it ended, and so did 1 before it: it ended`;
    expectSaid(errors[0], WorkerLostError, message);
    expect(results.filter((each) => "logProb" in each)).toHaveLength(COUNT - 1);
  });

  it("an answer that comes after the call has failed changes nothing", async () => {
    const call = callOf(1);
    const task = taken(call);
    call.fail(new Error("closed"));
    finish(task);
    task?.lost(new Error("ended"), true);
    expect(taken(call)).toBeUndefined();
    await expect(call.finished).rejects.toThrow("closed");
  });
});
