// The models of cases/language.ts as ONNX graphs with the fused LSTM operator and open extents.
import { type ModelFile, stored } from "../cases/model_file.js";
import { bothBiases, constant, model, node, reordered, value } from "./onnx_writer.js";

interface Stack {
  nodes: Uint8Array[];
  constants: Uint8Array[];
  na: number;
  layers: number;
}

/**
 * Gather and the LSTM layers: `tokens` (T, m) → `top` (T, m, na). With `carried`, layer k's states come in as h{k} and
 * c{k} and go out as h{k}Next and c{k}Next.
 */
function stack(file: ModelFile, carried: boolean): Stack {
  const tensor = (name: string): Float32Array => stored(file, name).data;
  const [classes, nx] = stored(file, "embedding.weight").shape as [number, number];
  const nodes = [node("Gather", ["embedding", "tokens"], ["x0"])];
  const constants = [
    constant("embedding", [classes, nx], tensor("embedding.weight")),
    constant("one", [1], BigInt64Array.of(1n)),
  ];
  let na = nx;
  let k = 0;
  for (; file.has(`lstm.weight_ih_l${k}`); k++) {
    const below = na;
    const names = ["W", "R", "B"].map((name) => `${name}${k}`) as [string, string, string];
    const [W, R] = [tensor(`lstm.weight_ih_l${k}`), tensor(`lstm.weight_hh_l${k}`)];
    const B = bothBiases(tensor(`lstm.bias_ih_l${k}`), tensor(`lstm.bias_hh_l${k}`), 4);
    na = B.length / 8;
    constants.push(constant(names[0], [1, 4 * na, below], reordered(W, 4)));
    constants.push(constant(names[1], [1, 4 * na, na], reordered(R, 4)));
    constants.push(constant(names[2], [1, 8 * na], B));
    const states = carried ? ["", `h${k}`, `c${k}`] : [];
    const next = carried ? [`h${k}Next`, `c${k}Next`] : [];
    nodes.push(
      node("LSTM", [`x${k}`, ...names, ...states], [`y${k}`, ...next], { hidden_size: na }),
      node("Squeeze", [`y${k}`, "one"], [`x${k + 1}`]),
    );
  }
  nodes.push(node("Identity", [`x${k}`], ["top"]));
  return { nodes, constants, na, layers: k };
}

/** The linear layer over rows (n, na): logits (n, classes). */
function linear(file: ModelFile, rows: string, logits: string): Pick<Stack, "nodes" | "constants"> {
  const [classes, na] = stored(file, "decoder.weight").shape as [number, number];
  return {
    nodes: [node("Gemm", [rows, "decoder", "bias"], [logits], { transB: 1 })],
    constants: [
      constant("decoder", [classes, na], stored(file, "decoder.weight").data),
      constant("bias", [classes], stored(file, "decoder.bias").data),
    ],
  };
}

/**
 * tokens (T, m) int32, rows (n) int32: the steps, of T·m, that count, targets (n, 1) int32 → logProb (n, 1). Only these
 * steps go through the linear layer.
 */
export function scoringModel(file: ModelFile): Uint8Array {
  const below = stack(file, false);
  const above = linear(file, "picked", "logits");
  return model({
    nodes: [
      ...below.nodes,
      node("Reshape", ["top", "flat"], ["steps"]),
      node("Gather", ["steps", "rows"], ["picked"]),
      ...above.nodes,
      node("LogSoftmax", ["logits"], ["logProbs"], { axis: 1 }),
      node("GatherElements", ["logProbs", "targets"], ["logProb"], { axis: 1 }),
    ],
    constants: [
      ...[...below.constants, ...above.constants],
      constant("flat", [2], BigInt64Array.of(-1n, BigInt(below.na))),
    ],
    inputs: [
      value("tokens", "int32", ["T", "m"]),
      value("rows", "int32", ["n"]),
      value("targets", "int32", ["n", 1]),
    ],
    outputs: [value("logProb", "float", ["n", 1])],
  });
}

/**
 * One step: tokens (1, m) int32, h{k} and c{k} (1, m, na) → logProbs (m, classes) of the next token, h{k}Next and
 * c{k}Next.
 */
export function stepModel(file: ModelFile): Uint8Array {
  const { nodes, constants, na, layers } = stack(file, true);
  const above = linear(file, "rows", "logits");
  const states = (suffix: string): Uint8Array[] =>
    Array.from({ length: layers }, (_, k) =>
      ["h", "c"].map((part) => value(`${part}${k}${suffix}`, "float", [1, "m", na])),
    ).flat();
  return model({
    nodes: [
      ...[...nodes, node("Squeeze", ["top", "zero"], ["rows"]), ...above.nodes],
      node("LogSoftmax", ["logits"], ["logProbs"], { axis: 1 }),
    ],
    constants: [...[...constants, ...above.constants], constant("zero", [1], BigInt64Array.of(0n))],
    inputs: [value("tokens", "int32", [1, "m"]), ...states("")],
    outputs: [value("logProbs", "float", ["m", "classes"]), ...states("Next")],
  });
}
