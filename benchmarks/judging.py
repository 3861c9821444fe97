"""What judging a transaction takes with all rules, a live model and its reasons, in microseconds of processor time.

A world of the fintech is judged by the shipped rules, and by the shipped model as if it were live; everything after its
first weeks is timed: reading the profiles as they are stored, features, rules, model, reasons and decision, and the
profiles' stored form again. Processor time of the thread, since other work on the machine is not to count. It still
rises where others use the same caches: so the score of the model alone is timed beside it, whose 17 µs on a quiet
machine are known (docs/detection.md), and `judging_quiet_us` is what judging would have taken there.

    python -m benchmarks.judging [--people 40] [--days 40] [--seed 9501]

The last line printed is JSON.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from benchmarks.rule_runs import rules_of_today
from fraudstream.detection.features import codec as vectors
from fraudstream.detection.features.compute import Calendar, compute
from fraudstream.detection.features.own import inputs
from fraudstream.detection.judge import Judge
from fraudstream.detection.learning import learn_transaction
from fraudstream.detection.models.model import load
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.profiles import codec
from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.scoring import decide
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world
from fraudstream_tools.lab.replay.history import as_transaction

MODEL: Final = Path(__file__).parents[1] / "models" / "default.json"
PARTS: Final = ("judging", "of alerts", "profiles", "features", "rules, model", "score alone")
QUIET_SCORE: Final = 17
"""Microseconds of a score by the model alone, with nobody else on the machine."""
WARM_DAYS: Final = 14
"""Until then profiles are emptier than they will be."""


def main() -> None:
    """Judge a fintech's transactions, and print what each part of it takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--seed", type=int, default=9501)
    asked = parser.parse_args()
    world = make_fintech_world(FintechSettings(seed=asked.seed, customers=asked.people, days=asked.days))
    transactions = [as_transaction(row, number) for number, row in enumerate(world.transactions, start=1)]
    model = load(MODEL.read_bytes())
    ruleset = rules_of_today().with_models(ActiveModels(live=model))
    judge, calendar = Judge(ruleset), Calendar()
    states: dict[str, bytes] = {}
    took: dict[str, list[float]] = {name: [] for name in PARTS}
    for number, transaction in enumerate(transactions):
        keys = entities(transaction).values()
        began = time.thread_time_ns()
        profiles = {key: codec.unpack(states[key]) for key in keys if key in states}
        read = time.thread_time_ns()
        judged = judge.judge(transaction, profiles, transaction.received_at)
        decided = time.thread_time_ns()
        states |= {key: codec.pack(profile) for key, profile in judged.profiles.items()}
        packed = time.thread_time_ns()
        if number < len(transactions) * WARM_DAYS // asked.days:
            continue
        took["judging"].append((decided - read) / 1000)
        took["profiles"].append((read - began + packed - decided) / 1000)
        if judged.decision.decision is not Verdict.APPROVE:
            took["of alerts"].append((decided - read) / 1000)
        amount = ruleset.rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp)
        learned = learn_transaction(
            transaction, profiles, amount, reporting_threshold=ruleset.rates.reporting_threshold, label_delay_days=7
        )
        began = time.thread_time_ns()
        vector = vectors.unpack(vectors.pack(compute(transaction, learned.views, amount, calendar)))
        computed = time.thread_time_ns()
        decide(ruleset, ruleset.evaluate(transaction, vector), inputs(vector, transaction))
        took["features"].append((computed - began) / 1000)
        ruled = time.thread_time_ns()
        model.log_odds(inputs(vector, transaction))
        took["rules, model"].append((ruled - computed) / 1000)
        took["score alone"].append((time.thread_time_ns() - ruled) / 1000)
    print(
        json.dumps(
            {
                "transactions": len(took["judging"]),
                "alerts": len(took["of alerts"]),
                "rules": len(ruleset.rules),
                "trees": len(model.file.trees),
                "median_us": {name: round(median(values), 1) for name, values in took.items()},
                "judging_quiet_us": round(median(took["judging"]) / median(took["score alone"]) * QUIET_SCORE, 1),
                "p90_us": round(quantiles(took["judging"], n=10)[-1], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
