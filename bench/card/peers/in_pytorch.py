"""PyTorch on the cases of cases.ts. Modes: eager, graph (the whole step captured once and replayed), compile (torch.compile, reduce-overhead).

Without a card eager runs on the CPU, and the others are told as skipped.
"""

import math
import os
import tempfile

from protocol import CLASSES, KERNEL, LEARNING_RATE, SIDE, emit, job, measure

# Where the compiler may write.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(tempfile.gettempdir(), "torchlet-inductor"))

import torch
import torch.nn as nn
import torch.nn.functional as F

on_card = torch.cuda.is_available()
device = "cuda" if on_card else "cpu"
wait = torch.cuda.synchronize if on_card else lambda: None
name = torch.cuda.get_device_name(0) if on_card else "the CPU"
versions = dict(torch=torch.__version__, cuda=torch.version.cuda, on=name)
if on_card:
    versions["cudnn"] = torch.backends.cudnn.version()
emit(kind="facts", name="pytorch", facts=versions)


def use_precision(precision):
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "float32"


class ConvNet(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        last = ((SIDE - KERNEL + 1) // 2 - KERNEL + 1) // 2
        self.first, self.second = nn.Conv2d(1, channels[0], KERNEL), nn.Conv2d(channels[0], channels[1], KERNEL)
        self.hidden, self.out = nn.Linear(channels[1] * last * last, hidden), nn.Linear(hidden, CLASSES)

    def forward(self, x):
        for layer in (self.first, self.second):
            x = F.max_pool2d(F.relu(layer(x)), 2)
        return self.out(F.relu(self.hidden(x.flatten(1))))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.wide_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.mixed(self.attention_norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
        if hasattr(F, "scaled_dot_product_attention"):
            seen = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        else:  # before PyTorch 2
            scores = queries @ keys.transpose(-2, -1) / math.sqrt(width // self.heads)
            later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
            seen = scores.masked_fill(later, -math.inf).softmax(-1) @ values
        x = x + self.joined(seen.transpose(1, 2).reshape(batch, length, width))
        return x + self.narrow(F.gelu(self.wide(self.wide_norm(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, width, blocks, heads, length, vocabulary, **_):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm, self.logits = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, indices):
        return self.logits(self.norm(self.blocks(self.tokens(indices) + self.positions)))


def task(network, batch):
    kind = network["kind"]
    if kind == "mlp":
        widths = network["widths"]
        layers = [part for a, b in zip(widths, widths[1:]) for part in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers[:-1]), torch.randn(batch, widths[0]), torch.randint(widths[-1], (batch,))
    if kind == "cnn":
        model = ConvNet(network["channels"], network["hidden"])
        return model, torch.randn(batch, 1, SIDE, SIDE), torch.randint(CLASSES, (batch,))
    shape = (batch, network["length"])
    words = network["vocabulary"]
    return Gpt(**network), torch.randint(words, shape), torch.randint(words, shape)


def step_of(case, compiled):
    model, inputs, targets = (part.to(device) for part in task(case["network"], case["batch"]))
    rate = LEARNING_RATE[case["optimizer"]]
    if case["optimizer"] == "sgd":
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    else:
        faster = dict(capturable=True, fused=True) if on_card else {}
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate, **faster)
    forward = torch.compile(model, mode="reduce-overhead") if compiled else model
    half = case["precision"] == "bfloat16"

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
            logits = forward(inputs)
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), targets.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss

    return step


def captured(step):
    """The step as one CUDA graph. @returns what replays it, and the tensor that its loss is left in."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(5):
            step()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()
    return graph.replay, loss


def steps(case, mode):
    # One for both readings: compiling takes longer than measuring.
    made = []

    def make():
        torch.manual_seed(0)
        use_precision(case["precision"])
        if mode == "compile":
            torch._dynamo.reset()
        step = step_of(case, mode == "compile")
        return captured(step) if mode == "graph" else step

    for reading in ("never", "every step"):

        def prepare(reads=reading == "every step"):
            if not made:
                made.append(make())
            if mode != "graph":
                (step,) = made
                return (lambda: step().item()) if reads else step, wait
            ((replay, loss),) = made
            return (lambda: (replay(), loss.item())) if reads else replay, wait

        measure(case, mode, reading, prepare)


def matmul(case):
    size = case["size"]
    dtype = torch.bfloat16 if case["precision"] == "bfloat16" else torch.float32

    def prepare():
        use_precision(case["precision"])
        a, b, c = (torch.randn(size, size, device=device).to(dtype) for _ in range(3))
        return lambda: torch.mm(a, b, out=c), wait

    measure(case, "eager", "never", prepare)


def rows(case):
    shape = (case["rows"], case["columns"])

    def prepare():
        x = torch.randn(shape, device=device)
        out = torch.empty_like(x)
        ones, zeros = torch.ones(shape[1], device=device), torch.zeros(shape[1], device=device)
        if case["op"] == "adamw":
            parameter = nn.Parameter(x)
            parameter.grad = torch.randn(shape, device=device)
            return torch.optim.AdamW([parameter], lr=1e-3, **(dict(fused=True) if on_card else {})).step, wait
        runs = {
            "copy": lambda: out.copy_(x),
            "add": lambda: torch.add(x, out, out=out),
            "gelu": lambda: F.gelu(x, approximate="tanh"),
            "softmax": lambda: torch.softmax(x, -1),
            "layer-norm": lambda: F.layer_norm(x, shape[1:], ones, zeros),
            "sum": lambda: x.sum(),
        }
        return runs[case["op"]], wait

    measure(case, "eager", "never", prepare)


for mode in job["modes"]:
    if mode != "eager" and not on_card:
        emit(kind="skipped", name=f"PyTorch's mode {mode}", who="pytorch", reason="there is no card")
        continue
    for case in job["cases"]:
        if case["kind"] == "step":
            steps(case, mode)
        elif mode == "eager":
            (matmul if case["kind"] == "matmul" else rows)(case)
