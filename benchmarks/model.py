"""What a model costs in a function: to load it, to score a transaction, to tell why. Prints one JSON line, last.

python -m benchmarks.model [MODEL.json]
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fraudstream.detection.features.own import INPUTS, Vector
from fraudstream.detection.models.model import load
from fraudstream_tools.lab.training.samples.examples import as_vectors

DEFAULT = Path(__file__).parents[1] / "models" / "default.json"
ROWS = 3000


def microseconds(work: Callable[[Vector], object], vectors: list[Vector]) -> float:
    """Return the median time of a call."""
    taken: list[int] = []
    for vector in vectors:
        started = time.perf_counter_ns()
        work(vector)
        taken.append(time.perf_counter_ns() - started)
    return round(statistics.median(taken) / 1000, 2)


def main(path: Path) -> None:
    """Measure how long a model takes to load, to score and to explain, and print it."""
    content = path.read_bytes()
    started = time.perf_counter()
    model = load(content)
    loaded = time.perf_counter() - started
    chance = np.random.default_rng(1)
    vectors = np.exp(chance.normal(size=(ROWS, len(INPUTS))) * 2)
    vectors[chance.random(vectors.shape) < 0.2] = np.nan  # noqa: PLR2004  (a fifth is missing)
    rows = as_vectors(vectors)
    figures = {
        "model": model.version,
        "trees": len(model.file.trees),
        "bytes": len(content),
        "load_ms": round(loaded * 1000, 1),
        "us_per_score_p50": microseconds(model.log_odds, rows),
        "us_per_explanation_p50": microseconds(model.contributions, rows),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
