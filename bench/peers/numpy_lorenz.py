"""NumPy and SciPy: Lorenz-63 by RK4 over an ensemble, random numbers, nearest states."""
import numpy as np
import timing
from scipy.spatial import cKDTree


def tendency(s):
    x, y, z = s
    return np.stack([10 * (y - x), x * (28 - z) - y, x * y - np.float32(8 / 3) * z])


def rk4(s, dt):
    k1 = tendency(s)
    k2 = tendency(s + dt / 2 * k1)
    k3 = tendency(s + dt / 2 * k2)
    k4 = tendency(s + dt * k3)
    return s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def steps(s, count):
    dt = np.float32(0.01)
    for _ in range(count):
        s = rk4(s, dt)
    return s


def on_attractor(rng, count):
    members = 1 << 13
    s = steps(rng.standard_normal((3, members), dtype=np.float32), 3000)
    parts = []
    for _ in range(count // members):
        s = steps(s, 37)
        parts.append(s.T)
    return np.concatenate(parts)


def main():
    args = timing.arguments()
    bench = timing.Bench(args)
    rng = np.random.default_rng(0)

    members = 1 << 13
    start = rng.standard_normal((3, members), dtype=np.float32)
    bench.run("lorenz63_rk4", "state-steps", 50 * members, lambda: steps(start, 50))

    n = 1 << 22
    bench.run("random_normal", "numbers", n, lambda: rng.standard_normal(n, dtype=np.float32))
    bench.run("random_uniform", "numbers", n, lambda: rng.random(n, dtype=np.float32))

    a = rng.standard_normal((1 << 17, 256), dtype=np.float32)
    b = rng.standard_normal((1 << 17, 256), dtype=np.float32)
    bench.run("add_131072x256", "elements", a.size, lambda: a + b)
    bench.run("exp_131072x256", "elements", a.size, lambda: np.exp(a))
    bench.run("sum_131072x256", "elements", a.size, lambda: a.sum())

    if bench.wanted("nearest"):
        points, queries = on_attractor(rng, 1 << 20), on_attractor(rng, 1 << 17)
        # Building the tree is part of the work, as it is in ours.
        bench.run("nearest", "queries", len(queries),
                  lambda: cKDTree(points).query(queries, workers=args.threads))
    bench.close()


if __name__ == "__main__":
    main()
