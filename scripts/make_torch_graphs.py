"""Why this exists: graphs as PyTorch exports them, with what stands around a recurrent network, prove openGraph against the
framework that people train in. Writes test/fixtures/onnx/torch_graphs.json.gz: for each model the ONNX file (in double), an
input and PyTorch's float64 outputs. Needs Debian's python3-torch 1.13 and python3-onnx: /usr/bin/python3 scripts/make_torch_graphs.py"""

import base64
import gzip
import io
import json
import pathlib
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.set_default_dtype(torch.float64)


class LayerNormTagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.norm = nn.LayerNorm(12)
        self.out = nn.Linear(12, 5)

    def forward(self, tokens):
        return self.out(self.norm(self.lstm(self.embed(tokens))[0])).log_softmax(-1)


class AttentionPooling(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(5, 7, batch_first=True)
        self.score = nn.Linear(7, 1)
        self.out = nn.Sequential(nn.Linear(7, 9), nn.GELU(), nn.Linear(9, 3))

    def forward(self, x):
        h, _ = self.gru(x)
        weights = torch.softmax(self.score(torch.tanh(h)), dim=1)
        return self.out((weights * h).sum(dim=1))


class Pooling(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how
        self.lstm = nn.LSTM(4, 6)
        self.out = nn.Linear(12, 2)

    def forward(self, x):
        y, (h, c) = self.lstm(x)
        pooled = {"mean": y.mean(0), "max": y.max(0).values}[self.how]
        return torch.sigmoid(self.out(torch.cat([pooled, h[-1]], dim=1)))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.ModuleList([nn.LSTM(6, 6, batch_first=True) for _ in range(3)])
        self.norms = nn.ModuleList([nn.LayerNorm(6) for _ in range(3)])

    def forward(self, x):
        for cell, norm in zip(self.cells, self.norms):
            x = x + cell(norm(x))[0]
        return x


class ConvolutionalFrontEnd(nn.Module):
    def __init__(self):
        super().__init__()
        self.front = nn.Sequential(
            nn.Conv2d(1, 4, (3, 5), padding=(1, 2), stride=(1, 2)),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d((1, 2)),
            nn.Conv2d(4, 8, 3, padding=1, groups=2),
            nn.LeakyReLU(0.125),  # which the file, whose attributes are float32, holds
        )
        self.line = nn.Sequential(nn.Conv1d(24, 16, 3, dilation=2, padding=2), nn.BatchNorm1d(16), nn.ELU())
        self.gru = nn.GRU(16, 10, bidirectional=True, batch_first=True)
        self.out = nn.Linear(20, 6)

    def forward(self, x):
        y = self.front(x.unsqueeze(1))
        m, channels, bins, time = y.shape
        y = self.line(y.reshape(m, channels * bins, time))
        return self.out(self.gru(y.transpose(1, 2))[0])


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(3, 8, batch_first=True)
        self.decoder = nn.LSTM(8, 8, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        code = self.encoder(x)[1][0][-1]
        repeated = code.unsqueeze(1).repeat(1, x.shape[1], 1)
        y = self.out(self.decoder(repeated)[0])
        return y, ((y - x) ** 2).mean(dim=(1, 2))


class SequenceToSequence(nn.Module):
    """Teacher forcing: no loop in the graph."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.GRU(4, 6, batch_first=True)
        self.decoder = nn.GRU(3, 6, batch_first=True)
        self.query = nn.Linear(6, 6, bias=False)
        self.out = nn.Linear(12, 3)

    def forward(self, x, y):
        memory, h = self.encoder(x)
        states, _ = self.decoder(y, h)
        scores = self.query(states) @ memory.transpose(1, 2) / 6**0.5
        context = torch.softmax(scores, dim=-1) @ memory
        return self.out(torch.cat([states, context], dim=-1))


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.rnn = nn.RNN(8, 5, batch_first=True, nonlinearity="relu")

    def forward(self, x):
        y = self.norm(x + self.attention(x, x, x, need_weights=False)[0])
        return self.rnn(y)[1][-1]


class Separable(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.ConstantPad1d((1, 0), 0.5),
            nn.Conv1d(6, 6, 4, groups=6, padding=2),
            nn.Conv1d(6, 10, 1),
            nn.Hardswish(),
            nn.InstanceNorm1d(10, affine=True),
            nn.PReLU(10),
            nn.AvgPool1d(2, ceil_mode=True),
            nn.ConvTranspose1d(10, 4, 3, stride=2, output_padding=1),
            nn.ReflectionPad1d(2),
            nn.Softplus(),
        )
        self.lstm = nn.LSTM(4, 5, proj_size=0, batch_first=True)

    def forward(self, x):
        y, (h, c) = self.lstm(self.body(x).transpose(1, 2))
        return torch.cat([h[0], c[0]], dim=-1), y.topk(2, dim=1).values


def names(values, letter):
    return [f"{letter}{i}" for i in range(len(values))]


def case(name, model, inputs, axes=None):
    torch.manual_seed(len(name))
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -0.6, 0.6)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    model.eval()
    with torch.no_grad():
        outputs = model(*inputs)
    outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    file = io.BytesIO()
    given = names(inputs, "x")
    torch.onnx.export(
        model,
        tuple(inputs),
        file,
        input_names=given,
        output_names=names(outputs, "y"),
        opset_version=14,
        dynamic_axes={x: axes for x in given} if axes else None,
    )

    def stored(tensor):
        array = tensor.numpy()
        return {
            "type": array.dtype.name,
            "shape": list(array.shape),
            "data": base64.b64encode(array.tobytes()).decode(),
        }

    return {
        "name": name,
        "model": base64.b64encode(file.getvalue()).decode(),
        "inputs": dict(zip(given, map(stored, inputs))),
        "outputs": dict(zip(names(outputs, "y"), map(stored, outputs))),
    }


torch.manual_seed(1)
OPEN = {0: "m", 1: "T"}
cases = [
    case("LayerNorm after two bidirectional LSTMs, tokens", LayerNormTagger(), [torch.randint(0, 20, (2, 7))], OPEN),
    case("attention pooling over a GRU", AttentionPooling(), [torch.randn(3, 9, 5)], OPEN),
    case("mean pooling", Pooling("mean"), [torch.randn(8, 2, 4)], OPEN),
    case("max pooling", Pooling("max"), [torch.randn(8, 2, 4)], OPEN),
    case("residual LSTMs behind LayerNorm", Residual(), [torch.randn(2, 6, 6)], OPEN),
    case("2-D and 1-D convolutions, BatchNorm, GRU", ConvolutionalFrontEnd(), [torch.randn(2, 3, 20)], {0: "m", 2: "T"}),
    case("an LSTM autoencoder", Autoencoder(), [torch.randn(2, 5, 3)], OPEN),
    case("sequence to sequence with attention", SequenceToSequence(), [torch.randn(2, 6, 4), torch.randn(2, 4, 3)], OPEN),
    case("self-attention of two heads, RNN", SelfAttention(), [torch.randn(2, 5, 8)]),
    case("separable and transposed convolutions, InstanceNorm, top 2", Separable(), [torch.randn(2, 6, 11)]),
]
text = json.dumps({"torch": torch.__version__, "cases": cases}, separators=(",", ":"))
target = pathlib.Path(__file__).parents[1] / "test/fixtures/onnx/torch_graphs.json.gz"
target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(len(cases), "cases,", target.stat().st_size, "bytes")
