import { expect, it } from "vitest";
import { createEngineSync, loadLanguageModel } from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

const plan = LANGUAGE.find(({ name }) => name.startsWith("gru, two")) as ModelPlan;

it("100,000 pushes and 100,000 small calls of scoreSync leave the memory as it was", async () => {
  const engine = createEngineSync();
  const model = await loadLanguageModel(engine, describedOf(plan));
  const stream = model.stream();
  const texts = textsOf([3]);
  const want = model.scoreSync(texts);
  const places = vacancies(engine);
  for (let i = 0; i < 100_000; i++) {
    stream.push(i % 11);
    model.scoreSync(texts);
  }
  expect(vacancies(engine)).toEqual(places);
  expect(model.scoreSync(texts)).toEqual(want);
  // A bounded map: after so many steps the stream still says probabilities.
  const sum = stream.next().reduce((all, logProb) => all + Math.exp(logProb), 0);
  expect(Math.abs(sum - 1)).toBeLessThan(1e-14);
  engine.dispose();
});

it("5,000 models, made and disposed of one after the other", async () => {
  const engine = createEngineSync();
  const described = describedOf(plan);
  const places = vacancies(engine);
  for (let i = 0; i < 5000; i++) (await loadLanguageModel(engine, described)).dispose();
  expect(vacancies(engine)).toEqual(places);
});
