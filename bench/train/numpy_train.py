"""numpy's training loop, float64, one thread: the products of all steps at once where they can be, Adam over flat parameters."""

import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rivals"))
from worker import run_worker


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Network:
    def __init__(self, path):
        numbers = np.fromfile(path)
        V, E, na, layers, m, T = (int(n) for n in numbers[:6])
        self.na, self.layers, self.m, self.T = na, layers, m, T
        shapes = [(V, E)]
        for l in range(layers):
            shapes += [(4 * na, E if l == 0 else na), (4 * na, na), (4 * na,), (4 * na,)]
        shapes += [(V, na), (V,)]
        sizes = [int(np.prod(shape)) for shape in shapes]
        count = sum(sizes)
        self.flat = numbers[6 : 6 + count].copy()
        self.gradient = np.zeros(count)
        self.weights = self.views(self.flat, shapes, sizes)
        self.gradients = self.views(self.gradient, shapes, sizes)
        ids = numbers[6 + count :].astype(np.int64).reshape(m, T + 1).T
        self.x, self.y = ids[:-1].ravel(), ids[1:].ravel()
        # The embedding's gradient as a product: np.add.at is slower by far.
        self.one_hot = np.ascontiguousarray(np.eye(V)[self.x].T)
        self.mean, self.square, self.updates = np.zeros(count), np.zeros(count), 0

    @staticmethod
    def views(flat, shapes, sizes):
        ends = np.cumsum(sizes)
        return [flat[e - n : e].reshape(shape) for shape, n, e in zip(shapes, sizes, ends)]

    def forward(self, l, x):
        wih, whh, bih, bhh = self.weights[1 + 4 * l : 5 + 4 * l]
        na, m, T = self.na, self.m, self.T
        gates = (x @ wih.T + (bih + bhh)).reshape(T, m, 4 * na)
        h, c, tanhs = np.zeros((T + 1, m, na)), np.zeros((T + 1, m, na)), np.empty((T, m, na))
        whh_t = np.ascontiguousarray(whh.T)
        for t in range(T):
            z = gates[t]
            z += h[t] @ whh_t
            z[:, : 2 * na] = sigmoid(z[:, : 2 * na])
            np.tanh(z[:, 2 * na : 3 * na], out=z[:, 2 * na : 3 * na])
            z[:, 3 * na :] = sigmoid(z[:, 3 * na :])
            i, f, g, o = z[:, :na], z[:, na : 2 * na], z[:, 2 * na : 3 * na], z[:, 3 * na :]
            c[t + 1] = f * c[t] + i * g
            np.tanh(c[t + 1], out=tanhs[t])
            np.multiply(o, tanhs[t], out=h[t + 1])
        return x, gates, h, c, tanhs

    def backward(self, l, tape, dy):
        x, gates, h, c, tanhs = tape
        wih, whh = self.weights[1 + 4 * l : 3 + 4 * l]
        na, m, T = self.na, self.m, self.T
        dz, dh, dc = np.empty((T, m, 4 * na)), np.zeros((m, na)), np.zeros((m, na))
        for t in reversed(range(T)):
            z, d, tanh = gates[t], dz[t], tanhs[t]
            i, f, g, o = z[:, :na], z[:, na : 2 * na], z[:, 2 * na : 3 * na], z[:, 3 * na :]
            dh += dy[t]
            dc += dh * o * (1 - tanh * tanh)
            d[:, :na] = dc * g * i * (1 - i)
            d[:, na : 2 * na] = dc * c[t] * f * (1 - f)
            d[:, 2 * na : 3 * na] = dc * i * (1 - g * g)
            d[:, 3 * na :] = dh * tanh * o * (1 - o)
            dc *= f
            dh = d @ whh
        flat = dz.reshape(T * m, 4 * na)
        dwih, dwhh, dbih, dbhh = self.gradients[1 + 4 * l : 5 + 4 * l]
        np.matmul(flat.T, x, out=dwih)
        np.matmul(flat.T, h[:-1].reshape(T * m, na), out=dwhh)
        dbih[:] = dbhh[:] = flat.sum(axis=0)
        return flat @ wih

    def adam(self, rate=0.001, b1=0.9, b2=0.999, epsilon=1e-8):
        self.updates += 1
        g = self.gradient
        self.mean *= b1
        self.mean += (1 - b1) * g
        self.square *= b2
        self.square += (1 - b2) * (g * g)
        root = np.sqrt(self.square)
        root /= np.sqrt(1 - b2**self.updates)
        root += epsilon
        self.flat -= (rate / (1 - b1**self.updates)) * self.mean / root

    def step(self):
        na, m, T = self.na, self.m, self.T
        embedding, (W, bias) = self.weights[0], self.weights[-2:]
        dembedding, (dW, dbias) = self.gradients[0], self.gradients[-2:]
        x, tapes = embedding[self.x], []
        for l in range(self.layers):
            tapes.append(self.forward(l, x))
            x = tapes[-1][2][1:].reshape(T * m, na)
        d = x @ W.T + bias
        d -= d.max(axis=1, keepdims=True)
        rows = np.arange(T * m)
        own = d[rows, self.y].copy()
        np.exp(d, out=d)
        sums = d.sum(axis=1, keepdims=True)
        loss = (np.log(sums[:, 0]) - own).mean()
        d /= sums
        d[rows, self.y] -= 1
        d /= T * m
        np.matmul(d.T, x, out=dW)
        dbias[:] = d.sum(axis=0)
        dx = d @ W
        for l in reversed(range(self.layers)):
            dx = self.backward(l, tapes[l], dx.reshape(T, m, na))
        np.matmul(self.one_hot, dx, out=dembedding)
        self.adam()
        return loss


def prepare(job):
    network, losses = Network(job["operands"]), []

    def call():
        loss = network.step()
        if len(losses) < job["calls"]:
            losses.append(loss)
        return np.array([loss])

    return call, lambda: np.array(losses)


run_worker(prepare)
