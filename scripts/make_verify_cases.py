"""Why this exists: models that load and compute something else than they did in training, with what PyTorch computed, are what
the loader's questions, its assumptions and verifyModel are held against. Runs the snippets of docs/formats.md as they stand there,
and keeps their text: test/fixtures/verify. Usage: python3 scripts/make_verify_cases.py (torch 1.13)"""
import json, os, pathlib, re, struct, sys, types
import torch
from torch import nn

root = pathlib.Path(__file__).parent.parent
folder = root / "test/fixtures/verify"
folder.mkdir(exist_ok=True)
os.chdir(folder)
torch.manual_seed(20261128)

def save_file(state, path, metadata={}):
    header, data = {"__metadata__": metadata}, b""
    for key, value in state.items():
        raw = value.contiguous().numpy().tobytes()
        header[key] = dict(dtype="F32", shape=[*value.shape], data_offsets=[len(data), len(data + raw)])
        data += raw
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)

# The snippet imports safetensors.torch, which Debian does not have.
for name in ["safetensors", "safetensors.torch"]:
    sys.modules[name] = types.SimpleNamespace(save_file=save_file)
page = (root / "docs/formats.md").read_text()
blocks = re.findall(r"^```python\n(.*?)^```", page, re.S | re.M)
reference, architecture = [next(b for b in blocks if word in b) for word in ["reference.json", "recurra.network"]]
pathlib.Path("snippets.json").write_text(json.dumps(dict(reference=reference, architecture=architecture)))

class Net(nn.Module):
    """Modules by name, and the forward pass as a function of them."""
    def __init__(self, run, **parts):
        super().__init__()
        self.run = run
        for key, part in parts.items():
            self.add_module(key, part)
    def forward(self, x):
        return self.run(self, x)

def make(name, model, x, metadata={"format": "pt"}):
    exec(reference, dict(model=model, x=x))
    os.rename("reference.json", f"{name}.json")
    save_file(model.state_dict(), f"{name}.safetensors", metadata)

rows, wide, tokens = torch.randn(3, 5, 3), torch.randn(3, 5, 4), torch.randint(0, 7, (3, 6))
gru = lambda nx=3: nn.GRU(nx, 4, batch_first=True)
lstm = lambda nx=3: nn.LSTM(nx, 4, batch_first=True)
head = lambda: nn.Linear(4, 2)

make("steps", Net(lambda m, x: m.head(m.gru(x)[0]), gru=gru(), head=head()), rows)
make("last", Net(lambda m, x: m.head(m.gru(x)[0][:, -1]), gru=gru(), head=head()), rows)
make("mean", Net(lambda m, x: m.head(m.gru(x)[0].mean(1)), gru=gru(), head=head()), rows)
make("max", Net(lambda m, x: m.head(m.gru(x)[0].max(1).values), gru=gru(), head=head()), rows)
language = dict(embedding=nn.Embedding(7, 5), lstm=lstm(5), decoder=nn.Linear(4, 7))
logits = lambda m, x: m.decoder(m.lstm(m.embedding(x))[0])
make("language", Net(logits, **language), tokens)
make("language-log", Net(lambda m, x: logits(m, x).log_softmax(-1), **language), tokens)
make("relu", Net(lambda m, x: m.head(m.rnn(x)[0]), rnn=nn.RNN(3, 4, nonlinearity="relu", batch_first=True), head=head()), rows)

# What users brought.
def residual(m, x):
    y = m.lstm1(x)[0]
    return m.head(y + m.lstm2(y)[0])
make("residual", Net(residual, lstm1=lstm(), lstm2=lstm(4), head=head()), rows)
make("residual-alone", Net(lambda m, x: m.head(x + m.lstm(x)[0]), lstm=lstm(4), head=head()), wide)
deep = lambda f: Net(lambda m, x: m.fc2(f(m.fc1(m.lstm(x)[0]))), lstm=lstm(), fc1=nn.Linear(4, 6), fc2=nn.Linear(6, 2))
make("deep-head", deep(torch.relu), rows)
norm = nn.LayerNorm(4)
nn.init.normal_(norm.weight)
nn.init.normal_(norm.bias)
make("layer-norm", Net(lambda m, x: m.fc(m.norm(m.lstm(x)[0])), lstm=lstm(), norm=norm, fc=head()), rows)

# The same mean, stated in the file by the other snippet.
model = Net(lambda m, x: m.head(m.gru(x)[0].mean(1)), gru=gru(), head=head())
make("stated", model, rows)
exec(architecture, dict(model=model))
os.rename("model.safetensors", "stated.safetensors")
