"""The paper's network in PyTorch: a training step and a denoising step.

Plain: written straightforwardly, as one would from the paper: every row has its own time embedding
and its own FiLM projection. Shared: FiLM once for each distinct timestep, then gathered, which is
what Papillon does; the difference between the two is the algorithm, the rest is the implementation.
"""
import math

import timing
import torch
from torch import nn

T, D, H, E, BLOCKS, BATCH = 1000, 3, 256, 512, 3, 16384


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(H, elementwise_affine=False)
        self.film = nn.Linear(E, 2 * H)
        self.branch = nn.Sequential(nn.Linear(H, H), nn.ReLU(), nn.Linear(H, H))
        self.gamma = nn.Parameter(torch.full((H,), 1e-6))

    def forward(self, x, embedding, rows=None):
        film = self.film(embedding)
        if rows is not None:
            film = film[rows]
        scale, shift = film.chunk(2, dim=-1)
        return x + self.gamma * self.branch(self.norm(x) * (1 + scale) + shift)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        k = torch.arange(E // 2)
        self.register_buffer("frequencies", torch.exp(-k * math.log(10000.0) / (E // 2 - 1)))
        self.input = nn.Linear(D, H)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.output = nn.Linear(H, D)

    def forward(self, z, t, rows=None):
        angle = t[:, None] * self.frequencies
        embedding = torch.cat([angle.sin(), angle.cos()], dim=-1)
        x = self.input(z)
        for block in self.blocks:
            x = block(x, embedding, rows)
        return self.output(x)


def signal_variance():
    """The cosine schedule's cumulative products, index 0 ... T."""
    g = [math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(T + 1)]
    product, result = 1.0, [1.0]
    for t in range(1, T + 1):
        product *= 1 - min(1 - g[t] / g[t - 1], 0.9)
        result.append(product)
    return torch.tensor(result)


def train_step(network, optimizer, average, states, variance, shared):
    x = states[torch.randint(len(states), (BATCH,))]
    t = torch.randint(1, T + 1, (BATCH,))
    noise = torch.randn_like(x)
    signal = variance[t, None].sqrt()
    sigma = (1 - variance[t, None]).sqrt()
    z = signal * x + sigma * noise
    if shared:
        distinct, rows = t.unique(return_inverse=True)
        prediction = network(z, distinct, rows)
    else:
        prediction = network(z, t)
    loss = nn.functional.mse_loss(prediction, signal * noise - sigma * x)  # velocity
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for mean, parameter in zip(average, network.parameters()):
            mean.lerp_(parameter, 0.001)


def main():
    args = timing.arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    bench = timing.Bench(args)
    network, variance = Network(), signal_variance()
    assert sum(p.numel() for p in network.parameters()) == 1_185_283
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-4)
    average = [p.detach().clone() for p in network.parameters()]
    states = torch.randn(1 << 17, D)
    for name, shared in ((f"train_{BATCH}", False), (f"train_{BATCH}_shared", True)):
        bench.run(name, "states", BATCH,
                  lambda: train_step(network, optimizer, average, states, variance, shared))
    z = torch.randn(BATCH, D)
    with torch.inference_mode():
        bench.run(f"sample_{BATCH}", "states", BATCH,
                  lambda: network(z, torch.full((BATCH,), 400)))
        bench.run(f"sample_{BATCH}_shared", "states", BATCH,
                  lambda: network(z, torch.tensor([400])))
    bench.close()


if __name__ == "__main__":
    main()
