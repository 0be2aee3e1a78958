"""Why this exists: the ONNX project proves an implementation by its backend node cases. Writes those of the operators that
openGraph knows, model, inputs and outputs, to test/fixtures/onnx/graph_cases.json.gz. Cases about types that graphs do not
hold (strings, sequences, optionals, halves) are left out by their types.
Needs Debian's python3-onnx (1.12): /usr/bin/python3 scripts/make_onnx_graph_cases.py"""

import base64
import gzip
import importlib
import json
import pathlib
import pkgutil

import numpy as np
import onnx
import onnx.backend.test.case.node as node_cases

# numpy 1.24 has no such names any more; onnx 1.12 uses them.
np.float = float
np.bool = bool
np.int = int
np.object = object

OPERATORS = set(
    """Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant ConstantOfShape
    Conv ConvTranspose Cos CumSum Div Dropout Elu Equal Erf Exp Expand Flatten Floor GRU Gather GatherElements Gemm
    GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Identity If InstanceNormalization IsNaN LSTM
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop MatMul Max MaxPool Mean Min Mish Mod Mul Neg Not OneHot Or PRelu
    Pad Pow RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare Relu Reshape Round Scan ScatterND Selu Shape Sigmoid Sign Sin Size Slice Softmax Softplus
    Softsign Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Where Xor""".split()
)
TYPES = {"float32", "float64", "int32", "int64", "bool", "uint8", "int8", "int16", "uint16", "uint32", "uint64"}
HALVES = {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
MOST_BYTES = 150_000


def stored(array):
    if array.dtype.kind in "iu":
        array = array.astype(np.int64)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    return {
        "type": array.dtype.name,
        "shape": list(array.shape),
        "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    }


# The cases draw without a seed.
np.random.seed(1)
for module in pkgutil.iter_modules(node_cases.__path__):
    importlib.import_module(f"onnx.backend.test.case.node.{module.name}")
cases = []
left_out = []
for case in node_cases._NodeTestCases:
    graph = case.model.graph
    operators = {node.op_type for node in graph.node}
    if not operators <= OPERATORS or case.name.endswith("_expanded"):
        continue
    if any(value.type.tensor_type.elem_type in HALVES for value in [*graph.input, *graph.output]):
        left_out.append(case.name)
        continue
    for inputs, outputs in case.data_sets:
        arrays = [*inputs, *outputs]
        if not all(isinstance(a, (np.ndarray, np.generic)) and np.asarray(a).dtype.name in TYPES for a in arrays):
            left_out.append(case.name)
            continue
        if sum(np.asarray(a).nbytes for a in arrays) > MOST_BYTES:
            left_out.append(case.name)
            continue
        cases.append(
            {
                "name": case.name,
                "model": base64.b64encode(case.model.SerializeToString()).decode(),
                "inputs": {i.name: stored(np.asarray(a)) for i, a in zip(graph.input, inputs)},
                "outputs": {o.name: stored(np.asarray(a)) for o, a in zip(graph.output, outputs)},
            }
        )
text = json.dumps({"onnx": onnx.__version__, "cases": cases}, separators=(",", ":"))
target = pathlib.Path(__file__).parents[1] / "test/fixtures/onnx/graph_cases.json.gz"
target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(len(cases), "cases,", target.stat().st_size, "bytes; left out:", *left_out)
