// Who runs.
import {
  all,
  type Contender,
  checked,
  f32,
  f64,
  inference,
  language,
  maps,
  node,
} from "./contender.js";
import { rivalContenders } from "./rival_contenders.js";

const ours: Contender[] = [
  {
    ...{ id: "f64", title: "Recurra f64", kind: "ours", ...f64, ...checked },
    ...{ works: all, command: node("ours/layer", "f64") },
  },
  {
    ...{ id: "f32", title: "Recurra f32", kind: "ours", ...f32, ...checked },
    ...{ works: inference, command: node("ours/layer", "f32") },
  },
  {
    ...{ id: "maps64", title: "Recurra kernels f64", kind: "ours", ...f64, ...checked },
    ...{ works: maps, command: node("ours/maps", "f64") },
  },
  {
    ...{ id: "maps32", title: "Recurra kernels f32", kind: "ours", ...f32, ...checked },
    ...{ works: maps, command: node("ours/maps", "f32") },
  },
  {
    ...{ id: "language64", title: "Recurra f64", kind: "ours", ...f64, ...checked },
    ...{ works: language, command: node("ours/language", "f64") },
    first: node("ours/first_open", "f64"),
  },
  {
    ...{ id: "language32", title: "Recurra f32", kind: "ours", ...f32, ...checked },
    ...{ works: language, command: node("ours/language", "f32") },
    first: node("ours/first_open", "f32"),
  },
  {
    ...{ id: "ceiling64", title: "ceiling f64", kind: "ceiling", ...f64 },
    ...{ works: [...all, "score-lines"], command: node("ours/ceiling", "f64") },
  },
  {
    ...{ id: "ceiling32", title: "ceiling f32", kind: "ceiling", ...f32 },
    ...{ works: [...inference, "score-lines"], command: node("ours/ceiling", "f32") },
  },
];

/** Our other ways to the same results: of interest, and no goal. */
const otherWays: Contender[] = [
  {
    ...{
      id: "relaxed64",
      title: "Recurra f64, relaxed build",
      kind: "variant",
      ...f64,
      ...checked,
    },
    ...{ works: all, command: node("ours/layer", "f64", "relaxed") },
  },
  {
    ...{
      id: "relaxed32",
      title: "Recurra f32, relaxed build",
      kind: "variant",
      ...f32,
      ...checked,
    },
    ...{ works: inference, command: node("ours/layer", "f32", "relaxed") },
  },
  {
    ...{ id: "functions", title: "Recurra's numpy-shaped functions f64", kind: "variant" },
    ...{ ...f64, ...checked, works: all, command: node("ours/functions") },
  },
];

const plain: Contender = {
  ...{ id: "plain", title: "plain JavaScript f64", kind: "rival", ...f64, ...checked },
  ...{ works: [...all, ...maps], command: node("rivals/plain") },
};

/** Everybody who can run here; without rivals ourselves and the plain loop, which needs nothing. */
export const contenders = (withRivals: boolean): Contender[] =>
  withRivals ? [...ours, ...otherWays, plain, ...rivalContenders()] : [...ours, plain];
