"""PyTorch on the CPU, eager. Takes the job that job.ts describes as its one argument and prints the report as its last line."""

import json
import math
import os
import sys
import time

job = json.loads(sys.argv[1])
work = job["work"]
# The numeric libraries read these when they are loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(job["threads"])

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(job["threads"])

WARM_CALLS, FEWEST_CALLS, MOST_CALLS = 3, 5, 200
# Python compiles nothing, but every peer is given the same time.
WARM_TRAINING_S = 2
TRAIN_IMAGES, CLASSES = 8000, 10


def shared(name, dtype):
    return np.fromfile(os.path.join(job["data"], name), dtype=dtype)


def time_calls(run):
    for _ in range(WARM_CALLS):
        run()
    samples = []
    start = time.perf_counter()
    while len(samples) < FEWEST_CALLS or (
        len(samples) < MOST_CALLS and (time.perf_counter() - start) * 1e3 < job["budgetMs"]
    ):
        before = time.perf_counter()
        run()
        samples.append((time.perf_counter() - before) * 1e3)
    return samples


def model_of(widths):
    numbers = shared("randn.f32", np.float32)
    start = 0
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        values = numbers[start : start + inputs * outputs] * np.float32(1 / math.sqrt(inputs))
        start += inputs * outputs
        layer = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(values.reshape(inputs, outputs)).t())
            layer.bias.zero_()
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def train():
    images = torch.from_numpy(shared("x.f32", np.float32).reshape(-1, 784))
    labels = torch.from_numpy(shared("y.u8", np.uint8).astype(np.int64))
    count, batch = work["trainImages"], work["batch"]
    order = torch.from_numpy(shared("perm.i32", np.int32).astype(np.int64)).reshape(-1, count)

    def trainer():
        model = model_of(work["widths"])
        optimizer = torch.optim.SGD(model.parameters(), lr=work["learningRate"])

        def run_epoch(epoch):
            for index in range(count // batch):
                rows = order[epoch, index * batch : (index + 1) * batch]
                loss = F.cross_entropy(model(images[rows]), labels[rows])
                loss.backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            return loss.item()

        return model, run_epoch

    _, warm_epoch = trainer()
    start, epoch = time.perf_counter(), 0
    while time.perf_counter() - start < WARM_TRAINING_S:
        warm_epoch(epoch % work["epochs"])
        epoch += 1
    model, run_epoch = trainer()
    samples = []
    for epoch in range(work["epochs"]):
        start = time.perf_counter()
        last = run_epoch(epoch)
        if epoch >= work["warmEpochs"]:
            samples.append((time.perf_counter() - start) * 1e3)
    with torch.no_grad():
        right = model(images[count:]).argmax(1) == labels[count:]
    return dict(samples=samples, loss=last, accuracy=right.double().mean().item())


def matmul():
    size = work["size"]
    numbers = shared("randn.f32", np.float32)
    a = torch.from_numpy(numbers[: size * size].reshape(size, size).copy())
    b = torch.from_numpy(numbers[::-1][: size * size].reshape(size, size).copy())
    return dict(samples=time_calls(lambda: a @ b), check=(a @ b)[1, 2].item())


def elementwise():
    numbers = torch.from_numpy(shared("randn.f32", np.float32))
    x = numbers.reshape(4096, 1024)
    scale, shift = torch.ones(1024), torch.zeros(1024)
    # One kernel for GELU: eager PyTorch would make eight temporaries of 16 MB of the same chain.
    ops = {
        "gelu": lambda: F.gelu(x, approximate="tanh"),
        "softmax": lambda: torch.softmax(x, -1),
        "layer-norm": lambda: F.layer_norm(x, (1024,), scale, shift, 1e-5),
        "sum": lambda: x.sum().item(),
    }
    op = work["op"]
    if op == "sum":
        x = numbers.repeat(4)
        return dict(samples=time_calls(ops[op]), check=ops[op]())
    with torch.no_grad():
        return dict(samples=time_calls(ops[op]), check=ops[op]().reshape(-1)[5].item())


class MnistCnn(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(16, 32, 3, padding=1)
        self.out = torch.nn.Linear(32 * 7 * 7, CLASSES)

    def forward(self, images):
        early = F.max_pool2d(F.relu(self.conv1(images)), 2)
        late = F.max_pool2d(F.relu(self.conv2(early)), 2)
        return self.out(late.flatten(1))


class Residual(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 32, 3, padding=1, bias=False)
        self.norm1 = torch.nn.BatchNorm2d(32)
        self.conv2 = torch.nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.norm2 = torch.nn.BatchNorm2d(32)
        self.conv3 = torch.nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.norm3 = torch.nn.BatchNorm2d(32)
        self.out = torch.nn.Linear(32, CLASSES)

    def forward(self, images):
        x = F.relu(self.norm1(self.conv1(images)))
        inner = F.relu(self.norm2(self.conv2(x)))
        joined = F.relu(self.norm3(self.conv3(inner)) + x)
        return self.out(joined.mean((2, 3)))


CONVNETS = {"mnist-cnn": MnistCnn, "residual": Residual}


def convnet_batches(numbers):
    batch, image = work["batch"], work["image"]
    if work["network"] == "mnist-cnn":
        images = torch.from_numpy(shared("x.f32", np.float32).reshape(-1, *image))
        labels = torch.from_numpy(shared("y.u8", np.uint8).astype(np.int64))
        order = torch.from_numpy(shared("perm.i32", np.int32)[:TRAIN_IMAGES].astype(np.int64)).reshape(-1, batch)

        def digits(index):
            rows = order[index % len(order)]
            return images[rows], labels[rows]

        return digits
    noise = torch.from_numpy(numbers[-batch * math.prod(image) :].reshape(batch, *image)), torch.arange(batch) % CLASSES
    return lambda index: noise


def convnet_steps():
    numbers = shared("randn.f32", np.float32)
    batch_of = convnet_batches(numbers)

    def trainer():
        model = CONVNETS[work["network"]]()
        start = 0
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() > 1:
                    values = numbers[start : start + parameter.numel()]
                    start += parameter.numel()
                    scaled = values * np.float32(1 / math.sqrt(parameter.numel() / len(parameter)))
                    parameter.copy_(torch.from_numpy(scaled.reshape(parameter.shape)))
                elif name.endswith("bias"):
                    parameter.zero_()
        optimizer = torch.optim.SGD(model.parameters(), lr=work["learningRate"], momentum=work["momentum"])

        def step(index):
            images, labels = batch_of(index)
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return loss.item()

        return step

    warm_step = trainer()
    start, index = time.perf_counter(), 0
    while time.perf_counter() - start < WARM_TRAINING_S:
        warm_step(index)
        index += 1
    step = trainer()
    samples, index = [], 0
    start = time.perf_counter()
    while index < work["comparedSteps"] or (
        len(samples) < MOST_CALLS and (time.perf_counter() - start) * 1e3 < job["budgetMs"]
    ):
        before = time.perf_counter()
        value = step(index)
        if index >= work["warmSteps"]:
            samples.append((time.perf_counter() - before) * 1e3)
        if index == work["comparedSteps"] - 1:
            loss = value
        index += 1
    return dict(samples=samples, loss=loss)


KINDS = {"train": train, "convnet-steps": convnet_steps, "matmul": matmul, "elementwise": elementwise}
print(json.dumps(KINDS[work["kind"]]()))
