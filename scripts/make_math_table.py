"""Writes test/fixtures/math.bin: correctly rounded exp, log, sigmoid, tanh, e^x − 1 and softplus, which test/kernels measures by.

Why it exists: Math.exp and its kin are no reference for a bound in ULP. mpmath, 300 bits. Little-endian f64; ROWS rows (x, y, rest)
per function in the order above: y = f(x) rounded to f64, rest = (f(x) - y) in units in the last place of y.
Run: python3 scripts/make_math_table.py          A table 80 times as long for scripts/measure_math.mjs: … 80 build/math.bin
"""

import math
import random
import sys
from array import array

from mpmath import exp, expm1, floor, log, log1p, mp, mpf, tanh

mp.prec = 300
TIMES, PATH = (int(sys.argv[1]), sys.argv[2]) if len(sys.argv) > 2 else (1, "test/fixtures/math.bin")
ROWS = 5000 * TIMES
random.seed(20)


def uniform(low, high, count):
    return [random.uniform(low, high) for _ in range(count * TIMES)]


def magnitudes(low, high, count):
    """Powers of two spread evenly, both signs."""
    return [random.choice((-1, 1)) * 2 ** random.uniform(low, high) for _ in range(count * TIMES)]


def around(points):
    """Each point, and two numbers on either side of it."""
    after = lambda p, end, steps: p if steps == 0 else after(math.nextafter(p, end), end, steps - 1)
    return [after(p, math.copysign(math.inf, k), abs(k)) for p in points for k in range(-2, 3)]


def cells(low, high, count, scale=1.0):
    """Around the ends of the cells of exp's reduction, (n + 1/2) ln2."""
    return around([(random.randint(low, high) + 0.5) * math.log(2) * scale for _ in range(count * TIMES)])


def row(f, x):
    exact = f(mpf(x))
    unit = mpf(math.ulp(float(exact)))  # float() may round a subnormal twice, which leaves its unit as it is
    whole = floor(exact / unit + mpf(0.5))
    return x, float(whole * unit), float(exact / unit - whole)


sigmoid, softplus = lambda x: 1 / (1 + exp(-x)), lambda x: log1p(exp(x))
limits = around([-745.1332191019412, -708.3964185322641])
X = {
    exp: limits + cells(-1074, 1022, 250) + cells(-3, 2, 40) + magnitudes(-1074, 0, 600) + uniform(-745.2, -708, 700) + uniform(-1, 1, 800) + uniform(-708, 709.78, 5000),
    log: around([2.0**k for k in range(-1074, 1024, 30)] + [2 ** (k + 0.5) for k in range(-1060, 1023, 30)]) + uniform(0.7, 1.5, 1500) + [abs(x) for x in magnitudes(-1074, -1022, 400)] + [abs(x) for x in magnitudes(-1022, 1023, ROWS)],
    sigmoid: limits + cells(-1074, 55, 150) + cells(-3, 2, 40) + magnitudes(-1074, 0, 300) + uniform(-745.2, -708, 500) + uniform(-708, -30, 500) + uniform(-2.8, 1.2, 1700) + uniform(-30, 38, 5000),
    tanh: cells(-55, 54, 150, 0.5) + cells(-3, 2, 40, 0.5) + magnitudes(-1074, 0, 1000) + uniform(-1, 1, 1500) + uniform(-20, 20, 5000),
    expm1: [-abs(x) for x in magnitudes(-1022, 0, 1000) + uniform(-3, 0, 2000) + uniform(-40, 0, 5000)],
    softplus: limits + magnitudes(-1022, 0, 300) + uniform(-745.1, -700, 300) + uniform(-700, -30, 300) + uniform(-4, 4, 2000) + uniform(-38, 40, 5000),
}  # fmt: skip
rows = [value for f, xs in X.items() for x in [x for x in xs if f is not log or x > 0][:ROWS] for value in row(f, x)]
array("d", rows).tofile(open(PATH, "wb"))
