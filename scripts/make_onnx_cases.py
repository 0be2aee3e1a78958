"""Why this exists: the ONNX project proves an implementation by its backend node cases. Writes those of RNN, GRU and LSTM,
model, inputs and outputs, to test/fixtures/onnx/cases.json. Needs python3-onnx 1.12: python3 scripts/make_onnx_cases.py"""

import base64
import importlib
import json
import pathlib

import numpy as np
from onnx.backend.test.case.node import _NodeTestCases


def stored(array):
    return {
        "type": array.dtype.name,
        "shape": list(array.shape),
        "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    }


# The cases draw without a seed.
np.random.seed(1)
for name in ("rnn", "gru", "lstm"):
    importlib.import_module(f"onnx.backend.test.case.node.{name}")
cases = []
for case in _NodeTestCases:
    graph = case.model.graph
    for inputs, outputs in case.data_sets:
        cases.append(
            {
                "name": case.name,
                "model": base64.b64encode(case.model.SerializeToString()).decode(),
                "inputs": {value.name: stored(data) for value, data in zip(graph.input, inputs)},
                "outputs": {value.name: stored(data) for value, data in zip(graph.output, outputs)},
            }
        )
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
path = pathlib.Path(__file__).parent.parent / "test/fixtures/onnx/cases.json"
path.write_text(f"[\n{lines}\n]\n")
