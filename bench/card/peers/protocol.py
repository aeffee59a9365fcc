"""What the peers in Python share: the job they are given, the timing (the twin of timing.ts), and the lines they print.

The job is the one argument, JSON: {"peer": "pytorch" | "jax", "modes": [...], "cases": [...], "seconds": 1, "protocol": {...}}, its cases those of
cases.ts. A case that a peer cannot do is a line with the reason.
"""

import json
import statistics
import sys
import time

job = json.loads(sys.argv[1])

CLASSES, SIDE, KERNEL = 10, 28, 5
LEARNING_RATE = {"sgd": 0.01, "adamw": 1e-3}


def emit(**line):
    print(json.dumps(line), flush=True)


def percentile(samples, part):
    return samples[min(int(len(samples) * part), len(samples) - 1)]


def time_runs(run, wait):
    protocol, seconds = job["protocol"], job["seconds"]
    fewest, most = protocol["stretches"]

    def seconds_of(count):
        start = time.perf_counter()
        for _ in range(count):
            run()
        wait()
        return time.perf_counter() - start

    first = seconds_of(1)
    seconds_of(protocol["warmRuns"])
    one = max(seconds_of(1), 1e-6)
    count = max(1, min(int(seconds / 12 / one), protocol["mostRuns"]))
    stretches = max(fewest, min(int(seconds / (count * one)), most))
    samples = sorted(seconds_of(count) * 1e3 / count for _ in range(stretches))
    ms = statistics.median(samples)
    spread = (percentile(samples, 0.9) - percentile(samples, 0.1)) / ms
    return dict(ms=ms, spread=spread, firstSeconds=first, runs=count * stretches)


def measure(case, mode, reading, prepare):
    """prepare() gives run and wait; what it throws is told, and the next case goes on."""
    about = dict(case=case["name"], peer=job["peer"], mode=mode, reading=reading)
    try:
        emit(kind="timing", **about, **time_runs(*prepare()))
    except Exception as error:
        emit(kind="skipped", name=case["name"], who=f"{job['peer']} {mode}", reason=f"{type(error).__name__}: {str(error)[:300]}")
