"""One run of the deployed system against faults, until nothing is left to do, and what it has left."""

import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from fraudstream.clock import epoch_milliseconds
from proofs.daily_reports import comparable
from proofs.faults.checks import Remains, whole_profiles
from proofs.faults.workload import DAY, Workload
from proofs.report import Say
from proofs.stack.clients import Clients, People
from proofs.stack.deployment import ProofDeployment, today
from proofs.stack.journal import StackJournal
from proofs.stack.kinds import STOPS_NOTHING, StackFault, StackFaults
from proofs.stack.vandal import StackVandal

_DAYS: Final = 12
_LOG_BATCHES: Final = (1, 400)
"""Smallest and largest batch in which the log is written again."""
_COPIED: Final = 0.1
"""Share of the transactions that are flagged in every order in which they can come."""
_LABELLED_AT: Final = (0.3, 0.7)
"""Shares of the transactions after which people say what is known, as they do at the end."""


@dataclass(frozen=True, kw_only=True)
class StackRun:
    """What is run."""

    seed: int
    transactions: int
    rate: float
    """Faults for each call."""
    batch_rate: float = 0.15
    """Faults for each batch."""
    only: frozenset[StackFault] = frozenset(StackFault)
    reports: bool = False
    """Whether reports are written and compared."""
    ends_early: bool = False
    """Whether it ends as soon as something is known to be wrong: where a fault is put back, it is found then."""


@dataclass(frozen=True, kw_only=True)
class StackOutcome:
    """What a run came to."""

    remains: Remains
    faults: Counter[StackFault]
    requests: int
    """That clients made."""
    redriven: int
    labels: int
    """How often somebody said what turned out to be true."""
    reports: int
    """Reports that were compared with those of a log in which every record stands twice."""


def run(system: ProofDeployment, what: StackRun, say: Say) -> StackOutcome:
    """Run the workload under faults, then redrive what was given up.

    Args:
        system: deployed; it is emptied first.
        what: is run.
        say: told of the progress.
    """
    system.use(StackFaults(0, 0, frozenset(), 0))
    system.empty()
    system.restart()
    first_day = today()
    faults = StackFaults(what.seed, what.rate, what.only, what.batch_rate)
    start = epoch_milliseconds() - (_DAYS + 1) * DAY
    chance, name = random.Random(what.seed + 1), f"s{what.seed}"
    workload = Workload(chance, what.transactions, _DAYS, start=start, name=name, copied=_COPIED)
    vandal = StackVandal(system.cloud, system.proxy, faults)
    cast = _Cast(
        system=system,
        clients=Clients(system.cloud, workload, faults, what.seed + 2, vandal.reach),
        people=People(system.cloud, workload),
        vandal=vandal,
        journal=StackJournal(system.tables),
    )
    cast.follow()
    system.use(faults)
    labels = _meet(cast, say)
    labels += cast.people.label()
    say("waiting until all is decided or given up")
    system.wait()
    cast.vandal.put_right()
    wrong, given_up, redriven = _bring_home(cast, faults, ends_early=what.ends_early)
    wrong += cast.clients.records.wrong
    wrong.update(_inline_kept(cast))
    remains = _remains(cast, given_up, wrong)
    days = sorted({first_day, today()}) if what.reports else []
    if days:
        say("writing reports, then the log once more in other batches, then the reports again")
        remains.wrong_answers.update(_compare_reports(system, days, remains, what.seed))
    return StackOutcome(
        remains=remains,
        faults=faults.counted,
        requests=cast.clients.records.requests,
        redriven=redriven,
        labels=labels,
        reports=len(days),
    )


@dataclass(frozen=True, kw_only=True)
class _Cast:
    """Who takes part in a run."""

    system: ProofDeployment
    clients: Clients
    people: People
    vandal: StackVandal
    journal: StackJournal

    def follow(self) -> None:
        """Show the journal what passes."""
        proxy, journal = self.system.proxy, self.journal
        self.system.invocations.journal = journal
        proxy.on_sent, proxy.on_lost, proxy.on_applied = journal.on_sent, journal.on_lost, journal.on_applied
        proxy.rivals.contested_by = journal.contested_by


def _meet(cast: _Cast, say: Say) -> int:
    """Run clients, people and whoever damages things at the same time; return how many labels were given."""
    ended = threading.Event()
    clients, people, vandal = cast.clients, cast.people, cast.vandal

    def post() -> None:
        try:
            clients.run()
        finally:
            ended.set()

    def label() -> int:
        said = 0
        for part in _LABELLED_AT:
            while clients.progress() < part and not ended.wait(0.2):
                pass
            say(f"{len(clients.records.received):,} transactions stored")
            said += people.label()
        return said

    with ThreadPoolExecutor(3) as pool:
        posting, labelling = pool.submit(post), pool.submit(label)
        damaging = pool.submit(vandal.run, clients.progress, ended)
        posting.result()
        damaging.result()
        return labelling.result()


def _bring_home(cast: _Cast, faults: StackFaults, *, ends_early: bool) -> tuple[Counter[str], set[str], int]:
    """Redrive what was given up, twice under faults and at last without; return what was wrong, and what was redriven.

    Whatever is not done must be found in the dead letters. What was no transaction is repaired at the end, and redriven
    too.
    """
    system, poison = cast.system, cast.vandal.poison.keys()
    wrong: Counter[str] = Counter()
    given_up: set[str] = set()
    redriven = 0
    for attempt in range(3):
        given_up |= system.given_up()
        if not faults.counted.keys() - STOPS_NOTHING:
            wrong["given up, although every call was answered"] += len(given_up - poison)
        open_ids = _unfinished(system)
        wrong["unfinished, and not in the dead letters"] += len(open_ids - given_up - poison)
        wrong["poison, and not in the dead letters"] += len(poison - given_up)
        if ends_early and +wrong:
            return +wrong, given_up, redriven
        if attempt == 1:
            faults.stop()
        redriven += system.redrive(sorted(given_up - poison))
        system.wait()
    wrong["in the dead letters without faults"] += len(system.given_up() - poison)
    cast.vandal.repair_poison()
    came_home = system.redrive(sorted(poison))
    wrong["repaired, and not redriven"] += len(poison) - came_home
    system.wait()
    wrong["repaired, and in the dead letters"] += len(system.given_up())
    redriven += came_home
    return +wrong, given_up, redriven


def _unfinished(system: ProofDeployment) -> set[str]:
    return {
        item["transactionId"]
        for item in system.items("transactionsTable")
        if item["kind"] == "TXN" and ("decision" not in item or item.get("labeledAt") != item.get("learntLabeledAt"))
    }


def _inline_kept(cast: _Cast) -> Mapping[str, int]:
    """Count inline decisions that were given and are not stored."""
    kept = {item["transactionId"] for item in cast.system.items("transactionsTable") if "inline" in item}
    return +Counter({"inline decision given, not stored": len(cast.clients.records.inline.keys() - kept)})


def _remains(cast: _Cast, given_up: set[str], wrong: Counter[str]) -> Remains:
    system = cast.system
    items = [item for item in system.raw(system.cloud.outputs["profilesTable"]) if "state" in item]
    return Remains(
        transactions=system.items("transactionsTable"),
        alerts=[item for item in system.items("alertsTable") if "score" in item],
        events=system.items("outboxTable"),
        profiles=whole_profiles(items)[0],
        segments=system.segments(),
        seen=replace(cast.journal.seen, decided=_decisions(system)),
        received=cast.clients.records.received,
        left=cast.clients.records.left,
        poison=set(),
        repaired={*cast.vandal.poison},
        given_up=given_up,
        set_aside=cast.vandal.set_aside,
        wrong_answers=wrong,
    )


def _decisions(system: ProofDeployment) -> Counter[str]:
    """Count how often the decision of each transaction changed, by the stream.

    A transaction of DynamoDB that comes again with its token succeeds once more and changes nothing: answers tell less.
    """
    found: Counter[str] = Counter()
    for record in system.stream():
        new, old = (record["dynamodb"].get(image, {}) for image in ("NewImage", "OldImage"))
        if "decision" in new and any(new.get(name) != old.get(name) for name in ("decision", "decidedAt")):
            found[new["transactionId"]["S"]] += 1
    return found


def _compare_reports(system: ProofDeployment, days: Sequence[Any], remains: Remains, seed: int) -> Mapping[str, int]:
    """Write reports, the whole log again in other batches, and the reports again; count what differs."""
    chance = random.Random(seed)

    def cut(records: Sequence[Any]) -> list[Sequence[Any]]:
        batches: list[Sequence[Any]] = []
        while records:
            number = chance.randint(*_LOG_BATCHES)
            batches.append(records[:number])
            records = records[number:]
        return batches

    first = system.report(days)
    system.write_log_again(cut)
    again = system.report(days)
    stored = sum(item["kind"] == "TXN" for item in remains.transactions)
    told = sum(report["reconciliation"]["decided"] for report in first)
    return +Counter(
        {
            "reports differ from those of a log with every record twice": sum(
                comparable(one) != comparable(other) for one, other in zip(first, again, strict=True)
            ),
            "decided, by the reports": abs(told - stored),
        }
    )
