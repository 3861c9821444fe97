"""The model as `make prove` explores it, and what it tells."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from proofs.protocol.analysis import AGAIN, KINDS, LOST, analysis
from proofs.protocol.explorer import ExploredStates, ProtocolModel, explore
from proofs.protocol.requests import requests
from proofs.report import ExperimentOutcome, Length, Say

Explorable = Callable[[], ExploredStates]


def _of(model: Callable[..., ProtocolModel[Any]], faults: int, *variants: str, **others: object) -> Explorable:
    return lambda: explore(model(faults, frozenset(variants), **others))


_EXACT: Final = {"kinds": frozenset({LOST, AGAIN}), "ring": 1, "labels": False}
"""Where no attempt dies, figures are exact, however little a profile remembers."""
SMALL: Final[Mapping[str, Explorable]] = {
    "requests, two faults": _of(requests, 2),
    "two records, one fault": _of(analysis, 1, labels=False),
    "two records, one fault, a ring that is too short": _of(analysis, 1, labels=False, ring=1),
    "two records, two lost answers or repetitions, a ring that is too short": _of(analysis, 2, **_EXACT),
    "one record and its label, one fault": _of(analysis, 1, transactions=1),
    "one record, one fault, a profile that is divided": _of(analysis, 1, transactions=1, labels=False, divides=True),
    "one record with a counterparty, one fault": _of(analysis, 1, transactions=1, labels=False, counterparties=True),
}
LARGE: Final[Mapping[str, Explorable]] = {
    "requests, four faults": _of(requests, 4),
    "one record and its label, two faults": _of(analysis, 2, transactions=1),
    "two records and a label, one fault": _of(analysis, 1),
    "two records, two faults, a ring that is too short": _of(analysis, 2, labels=False, ring=1),
    "two records, one fault, a profile that is divided": _of(analysis, 1, labels=False, divides=True),
    "one record and its label, one fault, a profile that is divided": _of(analysis, 1, transactions=1, divides=True),
    "two records with a counterparty, one fault": _of(analysis, 1, labels=False, counterparties=True),
}
LARGEST: Final[Mapping[str, Explorable]] = {"two records, three faults": _of(analysis, 3, labels=False, kinds=KINDS)}
MUTATIONS: Final[Mapping[str, Explorable]] = {
    "a claim overwrites": _of(requests, 1, "a claim overwrites"),
    "a put overwrites": _of(requests, 1, "a put overwrites"),
    "payloads are not compared": _of(requests, 1, "payloads are not compared"),
    "a put has no token": _of(requests, 1, "no token"),
    "people first": _of(analysis, 1, "people first", labels=False),
    "a profile's writes have no tokens": _of(analysis, 1, "no tokens", **_EXACT),
    "a profile is written without a condition": _of(analysis, 1, "no condition", labels=False),
    "a decision overwrites": _of(analysis, 1, "a decision overwrites", labels=False),
    "what was decided is judged again": _of(analysis, 1, "decided is judged again", **_EXACT),
    "a profile is divided whoever wrote since": _of(analysis, 1, "a division overwrites", labels=False, divides=True),
    "a retry looks into its shard alone": _of(analysis, 1, "a shard alone is looked at", labels=False, divides=True),
    "an alert is raised before the decision": _of(analysis, 1, "an alert apart", labels=False),
}


def prove(_seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Explore the model; there is no chance in it."""
    wanted = {**SMALL, **(LARGE if length is not Length.SHORT else {}), **(LARGEST if length is Length.FULL else {})}
    table: list[str] = []
    states, wrong = 0, 0
    for name, each in wanted.items():
        found = each()
        states += found.states
        wrong += found.wrong is not None
        table.append(f"{found.states:>9,}  states: {name}")
        if found.wrong is not None:
            table += [f"           WRONG: {found.wrong}", *(f"             {step}" for step in found.path)]
        say(table[-1].strip())
    missed = [name for name, each in MUTATIONS.items() if each().wrong is None]
    return ExperimentOutcome(
        holds=not wrong and not missed,
        table=table,
        figures={
            "protocol_states": states,
            "protocol_wrong": wrong,
            "mutations": len(MUTATIONS),
            "mutations_missed": len(missed),
            "missed": missed,
        },
    )
