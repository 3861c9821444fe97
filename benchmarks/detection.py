"""How well and how fast fraud is detected: on worlds that nothing was chosen on, and by the handbook's protocol.

    python -m benchmarks.detection
    python -m benchmarks.detection --full --data PATH

The small form takes small worlds and minutes. The full one takes large worlds, and then the handbook's transactions:
everything goes the product's own way, once through them in their order: profiles learn each transaction and, after the
delay, each fraud; features, rules and model judge it. Before each test week a model is trained on what
is known by then, and takes part in the decisions of that week. What is ranked is the score as served, before it is
rounded to whole numbers. The figures that the last line of JSON holds are means over the four test weeks.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import unseen_worlds
from benchmarks.handbook import FIRST_TEST_DAYS, WEEK, HandbookFigures, Numbers, read
from benchmarks.handbook_run import TRAINING_DAYS, go_through

DATA: Final = Path(__file__).parents[2] / "shared" / "data" / "handbook_transactions.parquet"
DELAYS: Final[tuple[int, ...]] = (7, 1)
"""Days until labels are known: the handbook's, and what quick labels are worth."""
PUBLISHED: Final = "best published, of different methods"
BEST_PUBLISHED: Final = HandbookFigures(auc=0.879, ap=0.694, cp100=0.305, recall=float("nan"))


def _watch(path: Path) -> dict[int, dict[str, Any]]:
    """Go through the transactions for each delay, side by side, and show how far they are."""
    # A fork of a process in which LightGBM has trained waits for ever where it trains itself.
    context = get_context("spawn")
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(len(DELAYS), mp_context=context) as pool,
        Progress(console=Console(stderr=True)) as bar,
    ):
        told: Any = manager.dict()
        size = len(read(path, FIRST_TEST_DAYS[-1] + WEEK))
        tasks = {delay: bar.add_task(f"labels after {delay} d", total=size) for delay in DELAYS}
        going = {delay: pool.submit(go_through, path, delay, told) for delay in DELAYS}
        while not all(each.done() for each in going.values()):
            for delay, task in tasks.items():
                bar.update(task, completed=told.get(delay, 0))
            time.sleep(0.5)
        return {delay: each.result() for delay, each in going.items()}


def _table(results: dict[int, dict[str, Any]]) -> Table:
    table = Table(title="mean (standard deviation) over four test weeks")
    for name in ("labels after", "ranked by", "AUC", "AP", "CP@100", "recall at 0.1 %"):
        table.add_column(name)
    table.add_row("7 d", PUBLISHED, *[f"{value:.3f}" for value in BEST_PUBLISHED[:3]], "")
    for delay, result in results.items():
        for name, weeks in result["figures"].items():
            cells = [f"{np.mean(column):.3f} ({np.std(column):.3f})" for column in zip(*weeks, strict=True)]
            table.add_row(f"{delay} d", name, *cells)
    return table


def _summary(weeks: list[HandbookFigures]) -> dict[str, Any]:
    auc, ap, cp100, recall = (np.array(column) for column in zip(*weeks, strict=True))
    spread = {name: _mean_and_std(values) for name, values in (("auc", auc), ("ap", ap), ("cp100", cp100))}
    return {**spread, "recall_at_0.1pct_fpr": round(float(recall.mean()), 4)}


def _mean_and_std(values: Numbers) -> dict[str, float]:
    return {"mean": round(float(values.mean()), 4), "std": round(float(values.std()), 4)}


def main() -> None:
    """Run the benchmark; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="large worlds, and the handbook's transactions")
    parser.add_argument("--data", type=Path, default=DATA, help="Parquet file with the handbook's columns")
    given = parser.parse_args()
    path: Path = given.data
    if given.full and not path.is_file():
        sys.exit(f"{path}: no such file; --data says where the handbook's transactions are")
    worlds = unseen_worlds.measure(unseen_worlds.FULL if given.full else unseen_worlds.SMALL)
    unseen_worlds.show(worlds, Console(width=140))
    summary: dict[str, Any] = {"worlds": unseen_worlds.as_json(worlds)}
    if given.full:
        summary |= _of_handbook(path)
    print(json.dumps(summary))


def _of_handbook(path: Path) -> dict[str, Any]:
    results = _watch(path)
    Console(width=140).print(_table(results))
    late, quick = (results[delay] for delay in DELAYS)
    summary: dict[str, Any] = _summary(late["figures"]["served"])
    summary |= {name: value for name, value in late.items() if name != "figures"}
    summary |= {"training_days": TRAINING_DAYS}
    others = {name: weeks for name, weeks in late["figures"].items() if name != "served"}
    summary |= {name.replace(",", "").replace(" ", "_"): _summary(weeks) for name, weeks in others.items()}
    summary["labels_after_1_day"] = _summary(quick["figures"]["served"])
    return summary


if __name__ == "__main__":
    main()
