import { formatShape } from "../../tensor.js";
import type { Builder } from "../builder.js";
import type { Node, Operator } from "../node.js";
import type { Value } from "../value.js";

/** αA·B + βC, A and B transposed where asked. */
function gemm(node: Node, builder: Builder): Value {
  const turned = (x: Value, name: string): Value => {
    if (x.shape.length !== 2)
      builder.fail("shape", `expected a matrix, got ${formatShape(x.shape)}`);
    return node.flag(name) ? builder.permute(x, [1, 0]) : x;
  };
  const a = turned(node.input(0), "transA");
  const b = turned(node.input(1), "transB");
  const scaled = (x: Value, factor: number): Value =>
    factor === 1 ? x : builder.binary("multiply", x, builder.scalar(x, factor));
  const product = builder.matmul(a, scaled(b, node.float("alpha", 1)));
  const c = node.optional(2);
  if (c === undefined) return product;
  const y = builder.binary("add", product, scaled(c, node.float("beta", 1)));
  if (y.size !== product.size) builder.fail("shape", `C: got ${formatShape(c.shape)}`);
  return y;
}

/** A vector on the left is a row, one on the right a column. */
function matmul(node: Node, builder: Builder): Value {
  const [a, b] = [node.input(0), node.input(1)];
  const [row, column] = [a.shape.length === 1, b.shape.length === 1];
  if (a.shape.length === 0 || b.shape.length === 0) builder.fail("shape", "expected no scalars");
  const left = row ? builder.reshape(a, [1, a.size]) : a;
  const right = column ? builder.reshape(b, [b.size, 1]) : b;
  const y = builder.matmul(left, right);
  const shape = y.shape.filter((_, i) => {
    const last = y.shape.length - 1;
    return !(row && i === last - 1) && !(column && i === last);
  });
  return builder.reshape(y, shape);
}

export const productOperators = (): Readonly<Record<string, Operator>> => ({
  Gemm: gemm,
  MatMul: matmul,
});
