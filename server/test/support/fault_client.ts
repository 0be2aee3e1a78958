import { setTimeout as wait } from "node:timers/promises";
import { expect } from "vitest";
import type { Answer, FaultKind } from "./fault_kinds.js";
import { post } from "./server.js";

/** A client that asks until it has an answer, from whichever instance. */
export class FaultClient {
  readonly #url: () => string;
  /** The codes of answers of 500 or above, which are none. */
  readonly faults = new Set<string>();

  constructor(url: () => string) {
    this.#url = url;
  }

  /** Asks until somebody answers. An answer of 500 or above is none. */
  async ask(path: string, body: object): Promise<[status: number, Answer]> {
    for (;;) {
      try {
        const response = await post(`${this.#url()}${path}`, body);
        const answer = (await response.json()) as Answer;
        if (response.status < 500) return [response.status, answer];
        this.faults.add(answer.code);
      } catch (error) {
        if (!/^(TypeError|AbortError|SyntaxError)$/.test((error as Error).name)) throw error;
      }
      await wait(20);
    }
  }

  /** Opens a stream: again, if the worker that was to have it ended. */
  async openStream(model: string): Promise<string> {
    for (;;) {
      const [status, answer] = await this.ask("/v1/streams", { model });
      if (status === 201) return answer.id;
      expect([status, answer.code]).toEqual([409, "stream-lost"]);
    }
  }

  /**
   * Reads all steps with a stream that a store keeps, one step in a push, and says in each push where the stream must be.
   *
   * @returns what was answered to each step; undefined where the answer was lost after the push was made
   */
  async readKept({ model, steps, pushed }: FaultKind): Promise<{ id: string; results: unknown[] }> {
    const id = await this.openStream(model);
    const results: unknown[] = [];
    for (const [position, step] of steps.entries()) {
      const [status, answer] = await this.ask(`/v1/streams/${id}/push`, { ...step, position });
      if (status === 200) {
        expect(answer.position).toBe(position + 1);
        results.push(pushed(answer));
        continue;
      }
      // Made before, but the instance was killed before it could answer.
      expect([status, answer.code]).toEqual([409, "position-conflict"]);
      expect(answer.position).toBe(position + 1);
      results.push(undefined);
    }
    return { id, results };
  }

  /**
   * Reads all steps with a stream that one process keeps. A stream that is lost goes on at the position that the answer
   * names, or begins anew where nothing was saved.
   *
   * @returns what was answered to each step, and how often the stream was lost and went on
   */
  async readSaved({ model, steps, pushed }: FaultKind): Promise<{
    results: unknown[];
    lost: number;
    resumed: number;
  }> {
    let id = await this.openStream(model);
    let [lost, resumed] = [0, 0];
    const results: unknown[] = [];
    while (results.length < steps.length) {
      const position = results.length;
      const body = { ...steps[position], position };
      const [status, answer] = await this.ask(`/v1/streams/${id}/push`, body);
      if (status === 200) {
        expect(answer.position).toBe(position + 1);
        results.push(pushed(answer));
        continue;
      }
      lost++;
      if (status === 409 && answer.position !== undefined) {
        expect(answer.code).toBe("stream-lost");
        expect(answer.position).toBeLessThanOrEqual(position);
        results.length = answer.position;
        resumed++;
        continue;
      }
      // Nothing was saved, or the whole instance ended.
      expect(["stream-lost", "stream-not-found"]).toContain(answer.code);
      id = await this.openStream(model);
      results.length = 0;
    }
    return { results, lost, resumed };
  }

  /**
   * Makes the request of a kind until `isOver`. Each answer must be the library's, or say that workers were lost.
   *
   * @returns the answers
   */
  async requestAlong({ request, answered }: FaultKind, isOver: () => boolean): Promise<number> {
    let answers = 0;
    while (!isOver()) {
      const [status, answer] = await this.ask(request.path, request.body);
      expect(status, JSON.stringify(answer)).toBe(200);
      const { value, error } = answered(answer);
      // A sequence that three workers had when they ended is told so.
      if (error === "worker-lost") continue;
      expect(value).toEqual(request.wanted);
      answers++;
    }
    return answers;
  }
}
