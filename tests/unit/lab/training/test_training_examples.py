"""What is learnt from: only what was known at the time, and never a guess about what was declined."""

import base64
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from fraudstream.detection.features.codec import pack, unpack
from fraudstream.detection.features.own import VALUES
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.judge import Judge
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import decide
from fraudstream.durations import DAY
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.reporting.log.reader.files import DecisionLogError
from fraudstream.reporting.log.record import LogRecord
from fraudstream.transactions.decisions.decision import FraudType
from fraudstream.transactions.transaction import Channel, TransactionType
from fraudstream_tools.lab.files import log_examples
from fraudstream_tools.lab.files.examples import KnowledgeCutoff, from_transactions
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.writing import write_rows
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits, rule_hits
from fraudstream_tools.lab.training.samples.examples import Examples
from fraudstream_tools.lab.world.simulate import WorldSettings, simulate
from fraudstream_tools.rules.folder import RulesFolder

RULES = Path(__file__).parents[4] / "rules"
JUDGE = Judge(RulesFolder(RULES).load())
START = 1_780_000_000_000


def decision(number: int, day: float, **columns: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "event": "DECIDED",
        "transactionId": f"t{number}",
        "timestamp": int(START + day * DAY),
        "loggedAt": int(START + day * DAY),
        "receivedAt": int(START + day * DAY),
        "amountMinor": 100,
        "currency": "EUR",
        "decision": "APPROVE",
        "score": 2,
        "decidedAt": int(START + day * DAY),
        "features": base64.b64encode(pack({"amountBase": number})).decode(),
        **columns,
    }


def label(number: int, day: float, truth: str, at: float) -> dict[str, Any]:
    row = decision(number, day, event="LABELED", label=truth, labelSource="analyst", labeledAt=int(START + at * DAY))
    return {name: value for name, value in row.items() if name not in ("decision", "score", "features")}


LABEL = label(1, 0, "LEGITIMATE", 1)


def written(folder: Path, *records: Mapping[str, Any]) -> Path:
    write_rows(folder / "segments" / "date=2026-06-01" / "hour=00" / "a.jsonl.gz", records)
    return folder


def learnt(found: Examples) -> dict[int, bool]:
    """Truth by the transaction's number, which stands in its amount."""
    return dict(zip(found.vectors[:, 0].astype(int).tolist(), found.labels.tolist(), strict=True))


def from_log(place: Path, ruleset: Ruleset, cut: KnowledgeCutoff) -> Examples:
    with open_log(place, until=cut.until, label_delay_days=cut.label_delay_days) as log:
        return log_examples.from_log(log, ruleset, without=cut.without)


def at(day: float, delay: float = 7) -> KnowledgeCutoff:
    return KnowledgeCutoff(until=int(START + day * DAY), label_delay_days=delay)


def test_what_is_old_and_unlabelled_is_legitimate_and_what_is_new_says_nothing(tmp_path: Path) -> None:
    new = [decision(3, 3.1), label(3, 3.1, "FRAUD", 4), decision(4, 3.2), decision(5, 3.3, decision="DECLINE")]
    log = written(tmp_path, decision(1, 0), decision(2, 2.9), *new)
    found = from_log(log, JUDGE.ruleset, at(10))
    assert learnt(found) == {1: False, 2: False}
    assert found.left_out.too_new == 3
    assert found.newer is not None
    assert found.newer[:, 0].tolist() == [3, 4], "how it is scored can be seen"


def test_a_label_counts_from_when_it_was_given(tmp_path: Path) -> None:
    log = written(tmp_path, decision(1, 0), label(1, 0, "FRAUD", 12))
    assert learnt(from_log(log, JUDGE.ruleset, at(11.9))) == {1: False}
    assert learnt(from_log(log, JUDGE.ruleset, at(12))) == {1: True}


# Customers call within two days, chargebacks take from 10 to 30 days: number, day, delay in days, and source.
REPORTED = [
    *[(number, number % 40, 1 + number % 7 / 10, "customer") for number in range(100)],
    *[(number, number % 40, 10.0 + number % 21, "chargeback") for number in range(100, 200)],
]


def test_how_many_of_a_fraud_have_their_label_is_told_by_who_labels_it(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []
    for number, day, delay, source in REPORTED:
        records += [decision(number, day), label(number, day, "FRAUD", day + delay) | {"labelSource": source}]
    found = from_log(written(tmp_path, *records), JUDGE.ruleset, at(45, 20))
    shares = dict(zip(found.vectors[:, 0].astype(int).tolist(), found.arrived.tolist(), strict=True))
    # They happened 25 days ago: 16 of 21 chargebacks have come by then, and every call has.
    assert shares[20] == 1
    assert shares[140] == pytest.approx(16 / 21, abs=0.05)


def test_kinds_of_fraud_can_be_left_out_of_a_log(tmp_path: Path) -> None:
    typed: dict[str, Any] = label(2, 0, "FRAUD", 1) | {"fraudType": "FIRST_PARTY"}
    retold = typed | {"fraudType": "AUTHORIZED_SCAM", "loggedAt": typed["loggedAt"] + 9000}
    other = label(3, 0, "FRAUD", 1) | {"fraudType": "FIRST_PARTY"}
    decided = [decision(number, 0) for number in (1, 2, 3, 4)]
    log = written(tmp_path, *decided, label(1, 0, "FRAUD", 1), retold, typed, other)
    assert learnt(from_log(log, JUDGE.ruleset, at(20))) == {1: True, 2: True, 3: True, 4: False}
    found = from_log(log, JUDGE.ruleset, replace(at(20), without=[FraudType.FIRST_PARTY]))
    assert learnt(found) == {1: True, 2: True, 4: False}, "the second's kind was told anew"
    assert found.left_out.other_kinds == 1


@pytest.mark.parametrize("newest", ["FRAUD", "LEGITIMATE"])
def test_the_newest_of_contradicting_labels_counts_in_any_order(newest: str, tmp_path: Path) -> None:
    other = "LEGITIMATE" if newest == "FRAUD" else "FRAUD"
    first, second = label(1, 0, other, 2), label(1, 0, newest, 3)
    assert learnt(from_log(written(tmp_path / "a", decision(1, 0), first, second), JUDGE.ruleset, at(20))) == {
        1: newest == "FRAUD"
    }
    assert learnt(from_log(written(tmp_path / "b", second, first, decision(1, 0)), JUDGE.ruleset, at(20))) == {
        1: newest == "FRAUD"
    }


def test_what_was_declined_counts_only_with_a_label(tmp_path: Path) -> None:
    log = written(
        tmp_path,
        decision(1, 0, decision="DECLINE"),
        decision(2, 0, authorizationResult="DECLINED"),
        decision(3, 0, decision="DECLINE"),
        label(3, 0, "FRAUD", 1),
        decision(4, 0, decision="DECLINE"),
        label(4, 0, "LEGITIMATE", 1),
        decision(5, 0, decision="REVIEW"),
    )
    found = from_log(log, JUDGE.ruleset, at(20))
    assert learnt(found) == {3: True, 4: False, 5: False}
    assert found.left_out.declined == 2
    assert found.stopped is not None
    assert learnt(found.stopped) == {1: False, 2: False}


def test_a_log_read_twice_counts_once_and_rows_come_in_the_order_of_time(tmp_path: Path) -> None:
    log = written(tmp_path, decision(2, 2), decision(1, 1), decision(2, 2), label(1, 1, "FRAUD", 2))
    found = from_log(log, JUDGE.ruleset, at(20))
    assert found.vectors[:, 0].tolist() == [1, 2]
    assert found.labels.tolist() == [True, False]


def test_features_are_read_as_judged_and_foreign_ones_left_out(tmp_path: Path) -> None:
    packed = pack({"amountBase": 12.34, "cardCount1h": 3, "terminalFraudShare7d": 0.105})
    fields = {"type": "PAYMENT", "channel": "ECOMMERCE", "cardCountry": "DE", "merchantCountry": "FR"}
    own = {
        "ownType": list(TransactionType).index(TransactionType.PAYMENT),
        "ownChannel": list(Channel).index(Channel.ECOMMERCE),
        "ownCardAtHome": 0,
    }
    stale = base64.b64encode(b"\x01" + packed[1:]).decode()
    log = written(
        tmp_path,
        decision(1, 0, features=base64.b64encode(packed).decode(), **fields),
        decision(2, 0, features=stale),
        LABEL,
    )
    found = from_log(log, JUDGE.ruleset, at(20))
    read = [None if math.isnan(value) else value for value in found.vectors[0].tolist()]
    assert read == [*unpack(packed), *(own.get(each.name) for each in VALUES)]
    assert found.left_out.other_features == 1


def test_todays_rules_are_asked_whatever_rules_there_were(tmp_path: Path) -> None:
    old = decision(1, 0, sources=["card-burst", "a-rule-of-then"], points=[0.1, 1.5], type="PAYMENT")
    packed = pack({"amountBase": 2, "cardCount2h": 4, "cardCount1h": 0})
    new = decision(2, 0, features=base64.b64encode(packed).decode(), type="PAYMENT")
    found = from_log(written(tmp_path, old, new, LABEL), JUDGE.ruleset, at(20))
    (velocity,) = [rule.points for rule in JUDGE.ruleset.rules if rule.id == "card-velocity"]
    assert found.hits.points(JUDGE.ruleset.points).tolist() == [0, velocity]


def test_hits_add_up_as_in_a_decision() -> None:
    made = simulate(WorldSettings(seed=8, customers=30, days=6, episodes=60))
    transactions = [as_transaction(row, number) for number, row in enumerate(made.transactions, 1)]
    decided = list(judge_history(transactions, {}, JUDGE))
    hits = rule_hits(JUDGE.ruleset, [[reason.source for reason in decision.reasons] for _, decision in decided])
    vectors = [unpack(decision.features) for _, decision in decided]
    for row, (transaction, _), vector in zip(hits.rows, decided, vectors, strict=True):
        alone = decide(JUDGE.ruleset, JUDGE.ruleset.evaluate(transaction, vector), vector)
        odds = JUDGE.ruleset.base_log_odds + RuleHits(JUDGE.ruleset, row[None]).points(JUDGE.ruleset.points)[0]
        assert alone.log_odds == pytest.approx(odds)
    assert hits.rows.any()


def test_until_is_the_newest_record_if_nobody_says(tmp_path: Path) -> None:
    log = written(tmp_path, decision(1, 0), decision(2, 10), label(1, 0, "FRAUD", 3))
    assert learnt(from_log(log, JUDGE.ruleset, KnowledgeCutoff(label_delay_days=7))) == {1: True}


def test_a_folder_without_a_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(DecisionLogError, match="no decision log"):
        from_log(tmp_path, JUDGE.ruleset, KnowledgeCutoff())
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(DecisionLogError, match=r"x\.jsonl: 1 of 1 lines are no records"):
        from_log(tmp_path, JUDGE.ruleset, KnowledgeCutoff())


def test_a_log_of_which_nothing_can_be_learnt_says_so(tmp_path: Path) -> None:
    with pytest.raises(DecisionLogError, match="no decision in"):
        from_log(written(tmp_path / "labels", LABEL), JUDGE.ruleset, KnowledgeCutoff())
    with pytest.raises(DecisionLogError, match="no label in"):
        from_log(written(tmp_path / "decisions", decision(1, 0)), JUDGE.ruleset, KnowledgeCutoff())


def test_the_columns_that_are_read_are_the_logs_own() -> None:
    names = {field.encode_name for field in msgspec.structs.fields(LogRecord)}
    assert decision(1, 0).keys() | label(1, 0, "FRAUD", 1).keys() | {"sources"} <= names


def payment(number: int, day: float, **fields: Any) -> dict[str, Any]:
    return {
        "transactionId": f"t{number}",
        "timestamp": int(START + day * DAY),
        "amountMinor": 1000 + number,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": "ann",
        "terminalId": "till",
        **fields,
    }


def terminal_frauds(rows: list[dict[str, Any]], known: dict[str, KnownOutcome]) -> list[float | None]:
    transactions = [as_transaction(row, number) for number, row in enumerate(rows, start=1)]
    place = NAMES.index("terminalFrauds30d")
    return [unpack(decision.features)[place] for _, decision in judge_history(transactions, known, JUDGE)]


def test_profiles_learn_a_label_when_it_becomes_known_and_not_before() -> None:
    rows = [payment(number, number) for number in range(6)]
    known = {
        "t0": KnownOutcome(fraud=True, known_at=rows[3]["timestamp"]),
        "t1": KnownOutcome(fraud=True, known_at=rows[4]["timestamp"] + 1),
        "t2": KnownOutcome(fraud=False, known_at=rows[2]["timestamp"]),
    }
    assert terminal_frauds(rows, known) == [0, 0, 0, 1, 1, 2]


def test_a_file_of_transactions_with_labels_gives_examples(tmp_path: Path) -> None:
    rows = [payment(n, n, **({"label": "FRAUD"} if n == 2 else {})) for n in range(20)]
    rows[3] |= {"authorizationResult": "DECLINED"}
    rows[4] |= {"authorizationResult": "DECLINED", "label": "LEGITIMATE"}
    write_rows(tmp_path / "a.jsonl", rows)
    found = from_transactions(tmp_path / "a.jsonl", None, JUDGE, KnowledgeCutoff(label_delay_days=7))
    assert len(found.labels) == 12
    assert found.timestamps[found.labels].tolist() == [rows[2]["timestamp"]]
    assert found.left_out.too_new == 7
    assert found.left_out.declined == 1
    assert found.stopped is not None
    assert found.stopped.timestamps.tolist() == [rows[3]["timestamp"]]


def test_sources_of_labels_are_told_apart_in_a_file_too(tmp_path: Path) -> None:
    rows = [
        payment(number, day) | {"label": "FRAUD", "labeledAt": int(START + (day + delay) * DAY), "source": source}
        for number, day, delay, source in REPORTED
    ]
    write_rows(tmp_path / "a.jsonl", rows)
    found = from_transactions(tmp_path / "a.jsonl", None, JUDGE, at(45, 20))
    is_day = found.timestamps == int(START + 20 * DAY)
    assert sorted(set(found.arrived[is_day & found.labels].tolist())) == [pytest.approx(16 / 21, abs=0.05), 1]


def test_kinds_of_fraud_can_be_left_out_of_a_file(tmp_path: Path) -> None:
    rows = [payment(n, n) for n in range(20)]
    rows[1] |= {"label": "FRAUD", "fraudType": "FIRST_PARTY"}
    rows[2] |= {"label": "FRAUD", "fraudType": "STOLEN_CARD"}
    write_rows(tmp_path / "a.jsonl", rows)
    cut = KnowledgeCutoff(label_delay_days=7, without=[FraudType.FIRST_PARTY])
    found = from_transactions(tmp_path / "a.jsonl", None, JUDGE, cut)
    assert (len(found.labels), found.timestamps[found.labels].tolist()) == (12, [rows[2]["timestamp"]])
    assert found.left_out.other_kinds == 1


def test_the_truth_that_nobody_told_stays_unknown_where_labels_are_given(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", [payment(n, n) for n in range(20)])
    told = {"label": "FRAUD", "labeledAt": int(START + 4 * DAY)}
    truth = [{"transactionId": "t1", "fraud": True}, {"transactionId": "t2", "fraud": True, **told}]
    write_rows(tmp_path / "labels.jsonl", truth)
    write_rows(tmp_path / "truth.jsonl", [{"transactionId": "t1", "fraud": True}, {"transactionId": "t2", "fraud": 0}])
    for file, frauds in (("labels.jsonl", [2]), ("truth.jsonl", [1])):
        found = from_transactions(tmp_path / "a.jsonl", tmp_path / file, JUDGE, KnowledgeCutoff(label_delay_days=7))
        assert [int((time - START) // DAY) for time in found.timestamps[found.labels]] == frauds


@pytest.mark.parametrize("ending", [".csv", ".jsonl.gz", ".parquet"])
def test_a_simulated_world_gives_the_same_examples_in_every_format(tmp_path: Path, ending: str) -> None:
    world = simulate(WorldSettings(seed=3, customers=60, days=12, episodes=40))
    truth = [row.as_row() for row in world.truths]
    for name in (".jsonl", ending):
        write_rows(tmp_path / f"w{name}", world.transactions)
        write_rows(tmp_path / f"w.truth{name}", truth)
    cut = KnowledgeCutoff(label_delay_days=3)
    first = from_transactions(tmp_path / "w.jsonl", tmp_path / "w.truth.jsonl", JUDGE, cut)
    again = from_transactions(tmp_path / f"w{ending}", tmp_path / f"w.truth{ending}", JUDGE, cut)
    assert np.array_equal(first.vectors, again.vectors, equal_nan=True)
    assert first.labels.tolist() == again.labels.tolist()
    assert 0 < first.labels.sum() < len(first.labels)


def test_nothing_after_the_cut_changes_what_was_known_before_it(tmp_path: Path) -> None:
    chance = Random(4)
    rows = [payment(n, n / 4, label=chance.choice(["FRAUD", "LEGITIMATE"])) for n in range(80)]
    later = [row if row["timestamp"] <= START + 15 * DAY else row | {"amountMinor": 1} for row in rows]
    found: list[Examples] = []
    for number, each in enumerate((rows, later)):
        write_rows(tmp_path / f"{number}.jsonl", each)
        found.append(from_transactions(tmp_path / f"{number}.jsonl", None, JUDGE, at(15, delay=2)))
    assert np.array_equal(found[0].vectors, found[1].vectors, equal_nan=True)
    assert found[0].timestamps.max() <= START + 13 * DAY


def test_a_files_order_does_not_matter(tmp_path: Path) -> None:
    rows = [payment(n, n / 4, label="FRAUD" if n % 7 == 0 else "LEGITIMATE") for n in range(60)]
    write_rows(tmp_path / "a.jsonl", rows)
    Random(1).shuffle(rows)
    write_rows(tmp_path / "b.jsonl", rows)
    first, second = (
        from_transactions(tmp_path / name, None, JUDGE, KnowledgeCutoff()) for name in ("a.jsonl", "b.jsonl")
    )
    assert np.array_equal(first.vectors, second.vectors, equal_nan=True)


def test_a_label_older_than_its_transaction_leaks_no_future(tmp_path: Path) -> None:
    rows = [payment(n, n / 4, label="FRAUD" if n % 7 == 0 else "LEGITIMATE") for n in range(20)]
    for labeled_at, complaint in (
        (rows[7]["timestamp"] - 86_400_000, "column labeledAt: is older than its transaction"),
        (rows[7]["timestamp"] // 1000, "column labeledAt: milliseconds are needed, these look like seconds"),
        (20_260_105, "column labeledAt: milliseconds are needed, these look like YYYYMMDD"),
    ):
        write_rows(tmp_path / "a.jsonl", [*rows[:7], rows[7] | {"labeledAt": labeled_at}, *rows[8:]])
        write_rows(tmp_path / "b.jsonl", [{k: v for k, v in row.items() if k != "label"} for row in rows])
        for file, truth in (("a.jsonl", None), ("b.jsonl", tmp_path / "a.jsonl")):
            with pytest.raises(FileProblemError, match=f"a.jsonl, line 8, {complaint}"):
                from_transactions(tmp_path / file, truth, JUDGE, KnowledgeCutoff())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"amountMinor": "12.secret"}, "line 1, column amountMinor: is not an integer"),
        ({"currency": None}, "line 1, column currency: is missing or wrong"),
        ({"currency": "EURO"}, "line 1, column currency: must be a currency code of ISO 4217, in capitals"),
        ({"timestamp": None}, "line 1, column timestamp: is missing or wrong"),
        ({"type": "SECRET"}, "line 1, column type: is missing or wrong"),
        ({"label": "SECRET"}, "line 1, column label: must be FRAUD or LEGITIMATE"),
        ({"labeledAt": "secret", "label": "FRAUD"}, "line 1, column labeledAt: must be a date"),
        ({"label": None}, "no row says what is true, as label or fraud: if another file does, name it with --truth"),
    ],
)
def test_a_wrong_row_is_named_by_field_and_never_by_value(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    row = {name: value for name, value in (payment(1, 0, label="FRAUD") | fields).items() if value is not None}
    write_rows(tmp_path / "a.jsonl", [row])
    with pytest.raises(FileProblemError, match=message) as caught:
        from_transactions(tmp_path / "a.jsonl", None, JUDGE, KnowledgeCutoff())
    assert "secret" not in str(caught.value).lower()
