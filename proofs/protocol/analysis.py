"""The second half: two analyzers learn and decide what the stream tells, each record at least once."""

from collections.abc import Iterator
from typing import Final, TypeVar

from proofs.protocol.explorer import ProtocolModel, Step
from proofs.protocol.state import (
    COUNTERPARTY,
    FIRST_SHARD,
    PERSON,
    SHARED,
    AnalysisState,
    ModelProfile,
    ModelRow,
    ModelWorker,
)

T = TypeVar("T")
_SHARDS: Final = 2
_READ, _SHARED, _COUNTERPARTY, _PERSON, _ALERT, _DECIDE, _MARK = (
    "read",
    "shared",
    "counterparty",
    "person",
    "alert",
    "decide",
    "mark",
)
_KEPT: Final = 8
"""Tokens of a profile's newest writes, as in the code."""
DIES, LOST, AGAIN, AT_ONCE = "dies", "lost", "again", "at once"
KINDS: Final = frozenset({DIES, LOST, AGAIN, AT_ONCE})
"""Faults: an attempt ends before it is done, and its last write is applied, not applied, or comes late; an answer is
lost; a record comes again after it was done; two analyzers have a record at the same time."""


def analysis(
    faults: int,
    variants: frozenset[str] = frozenset(),
    *,
    kinds: frozenset[str] = KINDS,
    ring: int = 3,
    labels: bool = True,
    transactions: int = 2,
    divides: bool = False,
    counterparties: bool = False,
) -> ProtocolModel[AnalysisState]:
    """Build the model.

    Args:
        faults: how many happen at most.
        variants: faults of the protocol that are put back.
        kinds: which faults happen.
        ring: how much a profile remembers; with less than there is to learn, figures may be too large.
        labels: whether the first transaction is labelled, before its decision or after.
        transactions: one or two, of the same person at the same merchant.
        divides: whether the merchant's profile may be divided at any time.
        counterparties: whether the transactions have a counterparty, the same one.
    """
    rows = tuple(ModelRow() for _ in range(transactions))
    waiting = tuple(f"t{place}" for place in range(transactions)) + (("L0",) if labels else ())
    none = tuple(0 for _ in rows)
    empty = ModelProfile(counts=none, frauds=none)
    analyzer = _Analysis(variants, kinds, ring, divides=divides, counterparties=counterparties)
    profiles = (empty,) * (FIRST_SHARD + _SHARDS)
    return ProtocolModel(
        initial=AnalysisState(rows, tuple("" for _ in rows), profiles, waiting, (None, None), (), faults),
        steps=analyzer.steps,
        wrong=_wrong,
        wrong_at_rest=analyzer.wrong_at_rest,
        is_at_rest=lambda state: not state.waiting and not state.late and not any(state.workers),
    )


class _Analysis:
    def __init__(
        self, variants: frozenset[str], kinds: frozenset[str], ring: int, *, divides: bool, counterparties: bool
    ) -> None:
        self._variants = variants
        self._kinds = kinds
        self._ring = ring
        first, second = (SHARED, PERSON) if "people first" not in variants else (PERSON, SHARED)
        self._order = {_SHARED: first, _COUNTERPARTY: COUNTERPARTY, _PERSON: second}
        self._divides = divides
        self._entities = ((SHARED, FIRST_SHARD, FIRST_SHARD + 1), (PERSON,))
        self._next = _NEXT
        if counterparties:
            self._entities += ((COUNTERPARTY,),)
            self._next = {
                record: {**steps, _SHARED: _COUNTERPARTY, _COUNTERPARTY: _PERSON} for record, steps in _NEXT.items()
            }

    def steps(self, state: AnalysisState) -> Iterator[Step[AnalysisState]]:
        for place, write in enumerate(state.late):
            others = state.late[:place] + state.late[place + 1 :]
            yield Step(f"a late write comes: {write[0]}", self._write(state._replace(late=others), write)[0])
        for record in state.waiting:
            if record == "L0":
                # Somebody labels the transaction: its record comes into the stream.
                rows = (state.rows[0]._replace(labelled=True), *state.rows[1:])
                waiting = tuple("l0" if each == "L0" else each for each in state.waiting)
                yield Step("the first is labelled", state._replace(rows=rows, waiting=waiting))
                continue
            yield from self._deliveries(state, record)
        for place, worker in enumerate(state.workers):
            if worker is not None:
                yield from self._work(state, place, worker)

    def _deliveries(self, state: AnalysisState, record: str) -> Iterator[Step[AnalysisState]]:
        busy = any(worker is not None and worker.record == record for worker in state.workers)
        if busy and not (state.faults and AT_ONCE in self._kinds):
            return
        for place, worker in enumerate(state.workers):
            if worker is None:
                started = ModelWorker(record, _READ, state.attempts)
                faults, excuses = state.faults - busy, state.excuses + busy
                found = state._replace(faults=faults, excuses=excuses, attempts=state.attempts + 1)
                yield Step(f"analyzer {place} takes {record}", _working(found, place, started))
                return  # the analyzers are alike

    def _work(self, state: AnalysisState, place: int, worker: ModelWorker) -> Iterator[Step[AnalysisState]]:
        name = f"analyzer {place}, {worker.record}: {worker.at}"
        if worker.at == _READ:
            yield Step(name, self._read(state, place, worker))
            return
        write = self._wanted(worker)
        if write is None:
            yield Step(f"{name}, nothing to do", self._go_on(state, place, worker, is_done=True))
            return
        applied, is_done = self._write(state, write)
        yield Step(name, self._go_on(applied, place, worker, is_done=is_done))
        yield from self._division(state, place, worker)
        fewer, excuses = state.faults - 1, state.excuses + 1
        if state.faults and LOST in self._kinds:
            # The SDK sends it again, with the same token.
            yield Step(f"{name}, and its answer is lost", applied._replace(faults=fewer))
        if state.faults and DIES in self._kinds:
            for how, after in (
                ("does not arrive", state),
                ("is applied, and the analyzer stops", applied),
                ("comes late", state._replace(late=(*state.late, write))),
            ):
                yield Step(f"{name} {how}", _working(after._replace(faults=fewer, excuses=excuses), place, None))
        if state.faults and AGAIN in self._kinds and is_done and not self._next[worker.record[0]].get(worker.at):
            yield Step(f"{name}, and the record comes again", _working(applied._replace(faults=fewer), place, None))

    def _division(self, state: AnalysisState, place: int, worker: ModelWorker) -> Iterator[Step[AnalysisState]]:
        """Close the shared profile, as an analyzer does that has met others there; then it goes on in a shard."""
        if not self._divides or self._order.get(worker.at) != SHARED or worker.seen[SHARED].closed:
            return
        base = worker.seen[SHARED]
        token = f"{worker.record}.{worker.attempt}.divided"
        close = ("profile", SHARED, base._replace(closed=True), base.version, token)
        closed, _ = self._write(state, close)
        name = f"analyzer {place}, {worker.record}: divides"
        yield Step(name, _working(closed, place, worker._replace(seen=closed.profiles)))
        if state.faults and DIES in self._kinds:
            fewer = {"faults": state.faults - 1, "excuses": state.excuses + 1}
            late = state._replace(late=(*state.late, close))
            yield Step(f"{name}, and stops", _working(closed._replace(**fewer), place, None))
            yield Step(f"{name}, which comes late", _working(late._replace(**fewer), place, None))

    def _read(self, state: AnalysisState, place: int, worker: ModelWorker) -> AnalysisState:
        row = state.rows[_number(worker)]
        # Another attempt may judge by other rules: verdicts differ.
        worker = worker._replace(seen=state.profiles, verdict=f"by {worker.attempt}")
        if worker.record[0] == "t" and row.decision and "decided is judged again" not in self._variants:
            return _done(state, place, worker)
        return _working(state, place, worker._replace(at=_SHARED))

    def _wanted(self, worker: ModelWorker) -> tuple[object, ...] | None:
        number, token = _number(worker), f"{worker.record}.{worker.attempt}"
        if worker.at in self._order:
            which = self._place(worker)
            seen = worker.seen[which]
            held = {*worker.seen[PERSON].ring, *seen.ring}
            if which >= FIRST_SHARD and "a shard alone is looked at" not in self._variants:
                held.update(worker.seen[SHARED].ring)
            if worker.record in held:
                return None
            return ("profile", which, self._after(seen, worker.record), seen.version, f"{token}.{which}")
        match worker.at:
            case "alert":
                return ("alert", number, worker.verdict)
            case "decide":
                return ("decision", number, worker.verdict)
            case _:
                return ("learnt", number)

    def _place(self, worker: ModelWorker) -> int:
        """Return the place of the profile that is to be written: a transaction has its own shard of a divided one."""
        which = self._order[worker.at]
        return FIRST_SHARD + _number(worker) if which == SHARED and worker.seen[SHARED].closed else which

    def _after(self, profile: ModelProfile, record: str) -> ModelProfile:
        number = int(record[1])
        counts, frauds = list(profile.counts), list(profile.frauds)
        (counts if record[0] == "t" else frauds)[number] += 1
        kept = (*profile.ring, record)[-self._ring :]
        return profile._replace(counts=tuple(counts), frauds=tuple(frauds), ring=kept)

    def _write(self, state: AnalysisState, write: tuple[object, ...]) -> tuple[AnalysisState, bool]:
        """Apply a write; tell whether what it is for is done."""
        match write:
            case ("profile", int() as which, ModelProfile() as profile, int() as version, str() as token):
                stored = state.profiles[which]
                unchecked = ("no condition", "a division overwrites") if profile.closed else ("no condition",)
                if stored.version != version and self._variants.isdisjoint(unchecked):
                    return state, (version + 1, token) in stored.writes and "no tokens" not in self._variants
                writes = (*stored.writes, (version + 1, token))[-_KEPT:]
                written = profile._replace(version=stored.version + 1, writes=writes)
                return state._replace(profiles=_put(state.profiles, which, written)), True
            case ("alert", int() as number, str() as verdict):
                return state._replace(alerts=_put(state.alerts, number, verdict)), True
            case ("decision", int() as number, str() as verdict):
                row = state.rows[number]
                if row.decision and "a decision overwrites" not in self._variants:
                    return state, True
                changed = state.changed or (row.decision if row.decision not in {"", verdict} else "")
                rows = _put(state.rows, number, row._replace(decision=verdict))
                # One transaction writes both.
                alerts = state.alerts if "an alert apart" in self._variants else _put(state.alerts, number, verdict)
                return state._replace(rows=rows, changed=changed, alerts=alerts), True
            case (_, int() as number):
                return state._replace(rows=_put(state.rows, number, state.rows[number]._replace(learnt=True))), True
            case _:
                raise ValueError(write)

    def _go_on(self, state: AnalysisState, place: int, worker: ModelWorker, *, is_done: bool) -> AnalysisState:
        if not is_done:
            # A rival wrote: learn into what is stored now, and write again.
            which = self._place(worker)
            fresh = (
                (SHARED, FIRST_SHARD, FIRST_SHARD + 1) if which in {SHARED, FIRST_SHARD, FIRST_SHARD + 1} else (which,)
            )
            seen = worker.seen
            for each in fresh:
                seen = _put(seen, each, state.profiles[each])
            return _working(state, place, worker._replace(seen=seen))
        after = self._next[worker.record[0]].get(worker.at)
        if after == _DECIDE and worker.at != _ALERT and "an alert apart" in self._variants:
            after = _ALERT
        if after is not None:
            return _working(state, place, worker._replace(at=after))
        return _done(state, place, worker)

    def wrong_at_rest(self, state: AnalysisState) -> str | None:
        for number, row in enumerate(state.rows):
            if not row.decision:
                return "a transaction has no decision"
            if state.alerts[number] != row.decision:
                return "an alert is not its decision's"
            if row.labelled and not row.learnt:
                return "a label is not noted as learnt"
            wanted = (1, 1 if row.labelled else 0)
            for places in self._entities:
                parts = [state.profiles[each] for each in places]
                figures = (sum(each.counts[number] for each in parts), sum(each.frauds[number] for each in parts))
                for figure, least in zip(figures, wanted, strict=True):
                    if figure < least:
                        return "a profile lacks what was learnt"
                    # With all of it in the ring, nothing is counted twice.
                    if figure > least + (state.excuses if self._ring < len(_RECORDS) else 0):
                        return "a profile counts something twice"
        return None


_RECORDS: Final = ("t0", "t1", "l0")
_NEXT: Final = {
    "t": {_SHARED: _PERSON, _PERSON: _DECIDE, _ALERT: _DECIDE},
    "l": {_SHARED: _PERSON, _PERSON: _MARK},
}
"""By kind of record: what follows what."""


def _done(state: AnalysisState, place: int, worker: ModelWorker) -> AnalysisState:
    waiting = tuple(each for each in state.waiting if each != worker.record)
    return _working(state._replace(waiting=waiting), place, None)


def _number(worker: ModelWorker) -> int:
    return int(worker.record[1])


def _put(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _working(state: AnalysisState, place: int, worker: ModelWorker | None) -> AnalysisState:
    return state._replace(workers=_put(state.workers, place, worker))


def _wrong(state: AnalysisState) -> str | None:
    return "a decision changed" if state.changed else None
