"""JAX on the cases of cases.ts, under jit; the state of a step is donated to it."""

import math
import os

from protocol import CLASSES, KERNEL, LEARNING_RATE, SIDE, emit, job, measure

# Else it would take three quarters of the card's memory for itself.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp

emit(kind="facts", name="jax", facts=dict(jax=jax.__version__, on=str(jax.devices()[0])))
keys = iter(jax.random.split(jax.random.PRNGKey(0), 4096))
normal = lambda *shape: jax.random.normal(next(keys), shape)
each = jax.tree_util.tree_map


def linear(inputs, outputs):
    return dict(w=normal(inputs, outputs) / math.sqrt(inputs), b=jnp.zeros(outputs))


def applied(layer, x):
    return x @ layer["w"].astype(x.dtype) + layer["b"].astype(x.dtype)


def perceptron(layers, x):
    for layer in layers[:-1]:
        x = jax.nn.relu(applied(layer, x))
    return applied(layers[-1], x)


def convolved(layer, x):
    x = jax.lax.conv_general_dilated(x, layer["w"], (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    x = jax.nn.relu(x + layer["b"][None, :, None, None])
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def conv_net(parameters, x):
    x = convolved(parameters["second"], convolved(parameters["first"], x))
    return perceptron(parameters["rest"], x.reshape(x.shape[0], -1))


def norm(layer, x):
    wide = x.astype(jnp.float32)
    centred = wide - wide.mean(-1, keepdims=True)
    return (centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * layer["w"] + layer["b"]).astype(x.dtype)


def gpt(network, dtype, parameters, indices):
    heads, length, width = network["heads"], network["length"], network["width"]
    x = (parameters["tokens"][indices] + parameters["positions"]).astype(dtype)
    seen = jnp.tril(jnp.ones((length, length), bool))
    for block in parameters["blocks"]:
        parts = applied(block["mixed"], norm(block["attention_norm"], x)).reshape(-1, length, 3, heads, width // heads)
        queries, keys_, values = (parts[:, :, i] for i in range(3))
        scores = jnp.einsum("bqhd,bkhd->bhqk", queries, keys_).astype(jnp.float32) / math.sqrt(width // heads)
        weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), -1).astype(dtype)
        attended = jnp.einsum("bhqk,bkhd->bqhd", weights, values).reshape(x.shape)
        x = x + applied(block["joined"], attended)
        x = x + applied(block["narrow"], jax.nn.gelu(applied(block["wide"], norm(block["wide_norm"], x))))
    return norm(parameters["norm"], x) @ parameters["logits"].astype(dtype)


def task(case):
    """The function from parameters and inputs to logits, the parameters, inputs, targets."""
    network, batch = case["network"], case["batch"]
    integers = lambda high, *shape: jax.random.randint(next(keys), shape, 0, high)
    if network["kind"] == "mlp":
        widths = network["widths"]
        layers = [linear(a, b) for a, b in zip(widths, widths[1:])]
        return perceptron, layers, normal(batch, widths[0]), integers(widths[-1], batch)
    if network["kind"] == "cnn":
        (first, second), last = network["channels"], ((SIDE - KERNEL + 1) // 2 - KERNEL + 1) // 2
        convolution = lambda out, given: dict(w=normal(out, given, KERNEL, KERNEL) * 0.1, b=jnp.zeros(out))
        rest = [linear(second * last * last, network["hidden"]), linear(network["hidden"], CLASSES)]
        parameters = dict(first=convolution(first, 1), second=convolution(second, first), rest=rest)
        return conv_net, parameters, normal(batch, 1, SIDE, SIDE), integers(CLASSES, batch)
    width, words, length = network["width"], network["vocabulary"], network["length"]
    affine = lambda: dict(w=jnp.ones(width), b=jnp.zeros(width))
    block = lambda: dict(
        attention_norm=affine(),
        wide_norm=affine(),
        mixed=linear(width, 3 * width),
        joined=linear(width, width),
        wide=linear(width, 4 * width),
        narrow=linear(4 * width, width),
    )
    parameters = dict(
        tokens=normal(words, width),
        positions=normal(length, width) * 0.02,
        blocks=[block() for _ in range(network["blocks"])],
        norm=affine(),
        logits=normal(width, words) / math.sqrt(width),
    )
    dtype = jnp.bfloat16 if case["precision"] == "bfloat16" else jnp.float32
    shape = (batch, length)
    return lambda p, x: gpt(network, dtype, p, x), parameters, integers(words, *shape), integers(words, *shape)


def adamw(parameters, gradients, means, squares, count):
    means = each(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
    squares = each(lambda v, g: 0.999 * v + 0.001 * g * g, squares, gradients)
    first, second = 1 - 0.9**count, 1 - 0.999**count
    rate = LEARNING_RATE["adamw"]
    update = lambda p, m, v: p - rate * (m / first / (jnp.sqrt(v / second) + 1e-8) + 0.01 * p)
    return each(update, parameters, means, squares), means, squares


def step_of(case):
    forward, parameters, inputs, targets = task(case)

    def loss_of(p):
        logits = forward(p, inputs)
        chances = jax.nn.log_softmax(logits.reshape(-1, logits.shape[-1]).astype(jnp.float32))
        return -jnp.take_along_axis(chances, targets.reshape(-1, 1), 1).mean()

    def step(state):
        p, means, squares, count = state
        loss, gradients = jax.value_and_grad(loss_of)(p)
        if case["optimizer"] == "sgd":
            return (each(lambda a, g: a - LEARNING_RATE["sgd"] * g, p, gradients), means, squares, count), loss
        p, means, squares = adamw(p, gradients, means, squares, count + 1)
        return (p, means, squares, count + 1), loss

    zeros = lambda: each(jnp.zeros_like, parameters)
    return jax.jit(step, donate_argnums=0), (parameters, zeros(), zeros(), jnp.zeros(()))


def steps(case):
    # One for both readings: compiling takes longer than measuring.
    made = []
    for reading in ("never", "every step"):

        def prepare(reads=reading == "every step"):
            if not made:
                step, state = step_of(case)
                made.extend([step, [state, None]])
            step, now = made

            def run():
                now[:] = step(now[0])
                if reads:
                    float(now[1])

            return run, lambda: jax.block_until_ready(now)

        measure(case, "jit", reading, prepare)


def repeated(compute, *inputs):
    compiled, now = jax.jit(compute), [None]

    def run():
        now[0] = compiled(*inputs)

    return run, lambda: jax.block_until_ready(now)


def matmul(case):
    dtype = jnp.bfloat16 if case["precision"] == "bfloat16" else jnp.float32
    size = case["size"]
    prepare = lambda: repeated(jnp.matmul, normal(size, size).astype(dtype), normal(size, size).astype(dtype))
    measure(case, "jit", "never", prepare)


def rows(case):
    shape = (case["rows"], case["columns"])

    def prepare():
        if case["op"] == "adamw":
            values = [normal(*shape) for _ in range(2)] + [jnp.zeros(shape), jnp.zeros(shape)]
            now = [values]
            step = jax.jit(lambda p, g, m, v: (lambda n: [n[0], g, n[1], n[2]])(adamw(p, g, m, v, 5.0)), donate_argnums=(0, 2, 3))

            def run():
                now[0] = step(*now[0])

            return run, lambda: jax.block_until_ready(now)
        if case["op"] == "add":
            return repeated(jnp.add, normal(*shape), normal(*shape))
        computed = {
            "copy": jnp.copy,
            "gelu": jax.nn.gelu,
            "softmax": jax.nn.softmax,
            "layer-norm": lambda x: norm(dict(w=jnp.ones(shape[1]), b=jnp.zeros(shape[1])), x),
            "sum": jnp.sum,
        }
        return repeated(computed[case["op"]], normal(*shape))

    measure(case, "jit", "never", prepare)


kinds = dict(step=steps, matmul=matmul, rows=rows)
matmul_precisions = dict(float32="highest", tf32="tensorfloat32", bfloat16="default")
for case in job["cases"]:
    with jax.default_matmul_precision(matmul_precisions[case.get("precision", "float32")]):
        kinds[case["kind"]](case)
