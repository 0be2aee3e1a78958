"""Makes the polynomial coefficients of assembly/base/exp.ts, exp_f32.ts and log.ts.

Why it exists: a coefficient nobody can derive again cannot be reviewed. Weighted Remez exchange in 60 digits; the error
printed is that of the coefficients after rounding to f64 or f32. Needs mpmath.   Run: python3 scripts/fit_polynomials.py
"""

from mpmath import cos, expm1, factorial, linspace, log, lu_solve, matrix, mp, mpf, pi, polyval, sqrt, tanh

mp.dps = 60
single = lambda x: float(mpf(x, prec=24))  # x rounded to f32


def remez(f, weight, low, high, degree, rounding=float):
    """Coefficients, constant term first, that minimise the largest |weight (polynomial - f)| on [low, high]."""
    points = [(low + high) / 2 - (high - low) / 2 * cos(pi * i / (degree + 1)) for i in range(degree + 2)]
    grid = linspace(low, high, 4001)
    values = [(f(x), weight(x)) for x in grid]
    for _ in range(8):
        rows = [[x**j for j in range(degree + 1)] + [(-1) ** i / weight(x)] for i, x in enumerate(points)]
        c = list(lu_solve(matrix(rows), matrix([f(x) for x in points])))[:-1]
        errors = [w * (polyval(c[::-1], x) - y) for x, (y, w) in zip(grid, values)]
        runs = []  # of one sign each; the exchange keeps every run's largest error
        for x, e in zip(grid, errors):
            if not runs or (e > 0) != (runs[-1][1] > 0):
                runs.append((x, e))
            elif abs(e) > abs(runs[-1][1]):
                runs[-1] = (x, e)
        if len(runs) < degree + 2:
            break
        points = [x for x, _ in runs[: degree + 2]]
    rounded = [rounding(a) for a in c]
    error = max(w * abs(polyval([mpf(a) for a in rounded[::-1]], x) - y) for x, (y, w) in zip(grid, values))
    return rounded, error


def show(title, fit):
    print(f"{title}: weighted error 2^{float(log(fit[1], 2)):.1f}")
    for a in fit[0]:
        print(f"  {a!r},")


# expm1(r) = r + r^2 P(r) on |r| <= ln2/2; the weight makes it the error relative to expm1.
half = log(2) / 2 * mpf("1.00001")
tail = lambda r: sum(r**k / factorial(k + 2) for k in range(40))
for degree, rounding in ((9, float), (10, float), (4, single), (5, single)):
    show(f"expm1, degree {degree}", remez(tail, lambda r: abs(r) + mpf("0.01"), -half, half, degree, rounding))

# tanh(r/2) = r H(z), z = r^2, on the same r; the error relative to tanh.
quotient = lambda z: tanh(sqrt(z) / 2) / sqrt(z) if z else mpf("0.5")
show("tanh of the half, degree 6", remez(quotient, lambda z: mpf(2), mpf(0), half**2, 6))

# log((1+s)/(1-s)) = 2s + s z L(z), z = s^2, on m in [sqrt(1/2), sqrt(2)]; the weight makes it the error relative to 2s.
top = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2
series = lambda z: sum(2 * z**k / (2 * k + 3) for k in range(60))
show("log, degree 6", remez(series, lambda z: z / 2 + mpf("1e-4"), mpf(0), top, 6))

for bits, rounding in ((42, float), (16, single)):
    head = log(2) - (log(2) % mpf(2) ** -bits)
    print(f"log2(e) = {rounding(1 / log(2))!r}  ln2 head = {float(head)!r} tail = {rounding(log(2) - head)!r}")
