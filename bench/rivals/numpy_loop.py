"""numpy's loop, float64, one thread: the input products of all steps in one product, then a loop over time."""

import numpy as np

from worker import run_worker


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def read(job):
    """The operands in the order of cases/data.ts."""
    nx, na, m, T = job["nx"], job["na"], job["m"], job["T"]
    rows = na if job["work"].startswith("rnn") else 4 * na
    shapes = [(rows, nx), (rows, na), (rows,), (rows,), (T, m, nx)]
    if job["work"] == "lstm-train":
        shapes.append((T, m, na))
    numbers, at, parts = np.fromfile(job["operands"]), 0, []
    for shape in shapes:
        size = int(np.prod(shape))
        parts.append(numbers[at : at + size].reshape(shape))
        at += size
    wih, whh, bih, bhh, x, *dy = parts
    return wih, whh, bih + bhh, x, dy[0] if dy else None


class Lstm:
    def __init__(self, job):
        self.wih, self.whh, self.bias, self.x, self.dy = read(job)
        self.na, self.m, self.T = job["na"], job["m"], job["T"]
        self.wih_t = np.ascontiguousarray(self.wih.T)
        self.whh_t = np.ascontiguousarray(self.whh.T)

    def forward(self):
        na, m, T = self.na, self.m, self.T
        self.h = np.zeros((T + 1, m, na))
        self.c = np.zeros((T + 1, m, na))
        self.gates = self.x @ self.wih_t + self.bias
        for t in range(T):
            z = self.gates[t]
            z += self.h[t] @ self.whh_t
            z[:, : 2 * na] = sigmoid(z[:, : 2 * na])
            z[:, 2 * na : 3 * na] = np.tanh(z[:, 2 * na : 3 * na])
            z[:, 3 * na :] = sigmoid(z[:, 3 * na :])
            i, f, g, o = z[:, :na], z[:, na : 2 * na], z[:, 2 * na : 3 * na], z[:, 3 * na :]
            self.c[t + 1] = f * self.c[t] + i * g
            self.h[t + 1] = o * np.tanh(self.c[t + 1])
        return self.h[1:]

    def train(self):
        self.forward()
        na, m, T = self.na, self.m, self.T
        dz = np.empty((T, m, 4 * na))
        dh, dc = np.zeros((m, na)), np.zeros((m, na))
        for t in reversed(range(T)):
            z, d = self.gates[t], dz[t]
            i, f, g, o = z[:, :na], z[:, na : 2 * na], z[:, 2 * na : 3 * na], z[:, 3 * na :]
            dh += self.dy[t]
            tc = np.tanh(self.c[t + 1])
            dc += dh * o * (1 - tc * tc)
            d[:, :na] = dc * g * i * (1 - i)
            d[:, na : 2 * na] = dc * self.c[t] * f * (1 - f)
            d[:, 2 * na : 3 * na] = dc * i * (1 - g * g)
            d[:, 3 * na :] = dh * tc * o * (1 - o)
            dc *= f
            dh = d @ self.whh
        flat = dz.reshape(T * m, 4 * na)
        self.gradients = (
            flat @ self.wih,
            flat.T @ self.x.reshape(T * m, -1),
            flat.T @ self.h[:-1].reshape(T * m, na),
            flat.sum(axis=0),
        )
        return self.gradients[0]

    def trained(self):
        return np.concatenate([g.ravel() for g in self.gradients])


class Step(Lstm):
    def __init__(self, job):
        super().__init__(job)
        self.t, self.h, self.c = 0, np.zeros((self.m, self.na)), np.zeros((self.m, self.na))

    def call(self):
        na = self.na
        z = self.x[self.t % self.T] @ self.wih_t + self.h @ self.whh_t + self.bias
        self.t += 1
        s = sigmoid(z)
        g = np.tanh(z[:, 2 * na : 3 * na])
        self.c = s[:, na : 2 * na] * self.c + s[:, :na] * g
        self.h = s[:, 3 * na :] * np.tanh(self.c)
        return self.h


def rnn(job):
    wih, whh, bias, x, _ = read(job)
    wih_t, whh_t = np.ascontiguousarray(wih.T), np.ascontiguousarray(whh.T)
    start = np.zeros((job["m"], job["na"]))

    def forward():
        a = x @ wih_t + bias
        h = start
        for t in range(len(a)):
            h = np.tanh(a[t] + h @ whh_t, out=a[t])
        return a

    return forward


def prepare(job):
    """A function for the call, and one for the result of the last call."""
    if job["work"] == "rnn-forward":
        forward, kept = rnn(job), {}

        def call():
            kept["y"] = forward()
            return kept["y"]

        return call, lambda: kept["y"]
    if job["work"] == "lstm-step":
        step = Step(job)
        return step.call, lambda: step.h
    lstm = Lstm(job)
    if job["work"] == "lstm-train":
        return lstm.train, lstm.trained
    return lstm.forward, lambda: lstm.h[1:]


run_worker(prepare)
