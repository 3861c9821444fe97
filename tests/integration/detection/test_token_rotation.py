"""The token key is rotated while transactions come in: detection does not notice, and nothing keeps an old token."""

import base64
import gzip
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import DECISION_LOG_PREFIX, REPORT_PREFIX, RULESET_FILES, EntityKind
from fraudstream.detection.analyzer import Analysis
from fraudstream.detection.rules.ruleset import Ruleset, load
from fraudstream.detection.stores.lists.listings import ListEntry, Listing
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.log.segments import write as write_segments
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.api.validation import TimeBounds, read_request
from fraudstream.transactions.decisions.decision import Decision, Label, Truth
from fraudstream.transactions.pseudonyms.lookup import find_tokens
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenRaiser
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.store import PutResult, TransactionStore
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.training.measuring.metrics import average_precision
from fraudstream_tools.lab.world.simulate import Simulation, WorldSettings, simulate
from fraudstream_tools.operations.privacy.log_owner import LogOwner
from fraudstream_tools.operations.privacy.rotation.profile_items import ChangedByOthersError
from fraudstream_tools.operations.privacy.rotation.rekeying import Rekeyed, Rekeying
from fraudstream_tools.operations.privacy.system import PrivacySystem
from fraudstream_tools.operations.privacy.tokens import NewestTokens
from fraudstream_tools.rules.folder import RulesFolder
from tests.integration.detection.analyzer_harness import World, a_world

RULES = Path(__file__).parents[3] / "rules"
RULESET = RulesFolder(RULES).load()
BUCKET = "bucket-reports"
KEY, SECOND = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=4)
FIRST_NUMBER = re.compile(r"(?<![\w-])tok_[\w-]{22}(?![\w-])")
BATCH = 50


class Owner(LogOwner):
    """What the report generator does about the log, with its own code."""

    def __init__(self, store: BucketStore) -> None:
        self.store = store
        self.noted: list[str] = []

    def merge_open_hours(self, changed: Sequence[str] = ()) -> None:
        self.reporter().roll_up(open_hours=True, changed=changed)

    def note_changes(self, hours: Sequence[str], kind: LinkKind) -> None:
        assert kind is LinkKind.REKEYED
        self.noted += hours

    def reporter(self) -> Reporter:
        return Reporter(
            store=self.store,
            log_prefix=DECISION_LOG_PREFIX,
            report_prefix=REPORT_PREFIX,
            sample=lambda _: set(),
            now=datetime.now(UTC),
            time_left=lambda: 1e9,
        )


@dataclass
class Pipeline:
    """API, stream, analyzer and log, each with the keys that its settings give it at the time."""

    world: World
    s3: Any
    processor_keys: str = ""
    analyzer_keys: str = ""
    number: int = 1
    ruleset: Ruleset = RULESET
    posted: list[str] = field(default_factory=list)

    @property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer(KEY, TokenRaiser(self.processor_keys), self.number)

    def post(self, body: dict[str, Any]) -> PutResult:
        store = TransactionStore(
            client=self.world.dynamodb, table="transactions", tokenizer=self.tokenizer, retention_days=400
        )
        now = body["timestamp"]
        request = read_request(json.dumps(body).encode(), TimeBounds(earliest=0, latest=now))
        self.posted.append(body["transactionId"])
        return store.put(request, now=now)

    def analyze(self) -> Analysis:
        """Let the stream's consumers take what has come in."""
        raiser = TokenRaiser(self.analyzer_keys)
        records = self.world.records()
        analysis = Analysis()
        for start in range(0, len(records), BATCH):
            batch = records[start : start + BATCH]
            analysis = self.world.analyzer(raiser).analyze(batch, self.ruleset.with_raised_lists(raiser))
            assert analysis.failures == []
            write_segments(self.s3, BUCKET, cut(batch, DECISION_LOG_PREFIX).segments)
        return analysis

    def take(self, bodies: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(bodies), BATCH):
            for body in bodies[start : start + BATCH]:
                self.post(body)
            self.analyze()
        # The decisions themselves are on the stream now, for the log.
        self.analyze()

    def label(self, body: dict[str, Any]) -> None:
        label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=int(time.time() * 1000))
        key = to_item({"transactionId": body["transactionId"], "timestamp": body["timestamp"]})
        values = label.to_item()
        self.world.dynamodb.update_item(
            TableName="transactions",
            Key=key,
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )
        self.analyze()

    def rekey(self, *, dry_run: bool = False) -> Rekeyed:
        def ask(**asked: Any) -> list[list[str]]:
            return [list(found) for found in find_tokens(asked, self.tokenizer, frozenset())]

        system = PrivacySystem(
            dynamodb=self.world.dynamodb,
            s3=self.s3,
            log_owner=Owner(BucketStore(self.s3, BUCKET)),
            transactions="transactions",
            profiles="profiles",
            alerts="alerts",
            bucket=BUCKET,
        )
        return Rekeying(system, NewestTokens(ask), dry_run=dry_run).run()

    def scores(self) -> list[int]:
        items = {item["transactionId"]["S"]: item for item in self.world.items("transactions") if "decision" in item}
        decisions = [Decision.from_item(items[name]) for name in self.posted]
        return [decision.score for decision in decisions if decision]

    def first_tokens(self, folder: Path) -> list[str]:
        """Name the places where a token of number 1 is."""
        held = [
            f"{table}/{next(iter(item.values()))}"
            for table in ("transactions", "profiles", "alerts")
            for item in self.world.items(table)
            if FIRST_NUMBER.search(repr(item))
        ]
        store = BucketStore(self.s3, BUCKET)
        return held + [key for key in store.find("") if FIRST_NUMBER.search(text(store.read(key) or b"", folder))]


def text(content: bytes, folder: Path) -> str:
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[:4] == b"PAR1":
        path = folder / "object.parquet"
        path.write_bytes(content)
        return repr(duckdb.sql(f"FROM read_parquet('{path}')").fetchall())
    return content.decode()


@pytest.fixture
def pipeline(aws: MinistackServer) -> Iterator[Pipeline]:
    with a_world(aws) as world:
        yield make_pipeline(aws, world)


def make_pipeline(aws: MinistackServer, world: World) -> Pipeline:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    return Pipeline(world, s3)


@pytest.fixture(scope="module")
def simulated() -> Simulation:
    return simulate(WorldSettings(customers=30, days=2, episodes=250, seed=11, start=START))


def run(pipeline: Pipeline, made: Simulation, *, rotating: bool) -> None:
    """Take a world's transactions; in between, the key is rotated as docs/privacy.md says."""
    bodies = made.transactions
    thirds = len(bodies) // 3
    frauds = [body for body, truth in zip(bodies, made.truths, strict=True) if truth.fraud]
    pipeline.take(bodies[:thirds])
    if rotating:
        # tokenKeys 2: what consumes knows the number, and nobody makes tokens of it yet.
        pipeline.processor_keys = pipeline.analyzer_keys = SECOND
    pipeline.label(frauds[0])
    pipeline.take(bodies[thirds : thirds + thirds // 2])
    if rotating:
        pipeline.rekey()
    pipeline.take(bodies[thirds + thirds // 2 : 2 * thirds])
    pipeline.label(frauds[1])
    if rotating:
        pipeline.number = 2
    pipeline.take(bodies[2 * thirds :])


def test_a_transaction_that_is_being_decided_gets_new_tokens_after_that(
    pipeline: Pipeline, simulated: Simulation
) -> None:
    pipeline.take(simulated.transactions[:5])
    pipeline.processor_keys, pipeline.number = SECOND, 2
    refused: list[str] = []

    def refuse_once(params: dict[str, Any], **_: Any) -> None:
        if not refused and params["TableName"] == "transactions":
            refused.append("UpdateItem")
            raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": ""}}, "UpdateItem")

    pipeline.world.interfere("UpdateItem", refuse_once)
    pipeline.rekey()
    assert refused
    assert not FIRST_NUMBER.search(repr(pipeline.world.items("transactions")))


def test_too_much_at_once_is_not_told_as_changes_of_others(pipeline: Pipeline, simulated: Simulation) -> None:
    pipeline.take(simulated.transactions[:5])
    pipeline.processor_keys, pipeline.number = SECOND, 2

    def refuse(**_: Any) -> None:
        error: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": ""},
            "CancellationReasons": [{"Code": "None"}, {"Code": "ThrottlingError"}],
        }
        raise ClientError(error, "TransactWriteItems")

    pipeline.world.interfere("TransactWriteItems", refuse)
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        pipeline.rekey()


def test_detection_is_as_good_as_without_a_rotation(
    aws: MinistackServer, simulated: Simulation, tmp_path: Path
) -> None:
    truths = np.array([truth.fraud for truth in simulated.truths])
    assert truths.sum() > 10
    with a_world(aws) as world:
        plain = make_pipeline(aws, world)
        run(plain, simulated, rotating=False)
        expected = plain.scores()
    aws.reset()
    with a_world(aws) as world:
        rotated = make_pipeline(aws, world)
        run(rotated, simulated, rotating=True)
        scores = rotated.scores()

        precision = average_precision(np.array(expected, dtype=float), truths)
        assert precision > truths.mean(), "the world has something to detect"
        assert abs(average_precision(np.array(scores, dtype=float), truths) - precision) < 0.01
        # More than that: not one decision differs.
        assert scores == expected

        # After the last step nothing is left of the old tokens, and the log tells of every decision.
        Owner(BucketStore(rotated.s3, BUCKET)).reporter().report(START.date())
        assert rotated.first_tokens(tmp_path)
        counted = rotated.rekey(dry_run=True).counts
        done = rotated.rekey()
        assert done.counts == counted
        assert done.counts["transactions"] > 0
        assert done.counts["decision log"] > 0
        assert rotated.first_tokens(tmp_path) == []
        assert sum(rotated.rekey().counts.values()) == 0
        reported = [
            Owner(BucketStore(rotated.s3, BUCKET)).reporter().report((START + timedelta(days=day)).date())
            for day in range(-1, 5)
        ]
        assert sum(report.reconciliation.decided for report in reported) == len(truths)
        assert all(report.log_hours.damaged == () for report in reported)


def payment(number: int, **fields: Any) -> dict[str, Any]:
    at = int(START.timestamp() * 1000) + number * 60_000
    known = {"amountMinor": 2000, "currency": "EUR", "type": "PAYMENT", "customerId": "ann", "cardToken": "ann-card"}
    return {"transactionId": f"t-{number}", "timestamp": at} | known | fields


def rotate_keys(pipeline: Pipeline, *, number: int = 1) -> None:
    pipeline.processor_keys = pipeline.analyzer_keys = SECOND
    pipeline.number = number


def test_a_repeated_post_is_known_across_the_rotation(pipeline: Pipeline) -> None:
    first = pipeline.post(payment(1))
    assert first.is_new
    for number in (1, 2):
        rotate_keys(pipeline, number=number)
        assert not pipeline.post(payment(1)).is_new
    pipeline.rekey()
    again = pipeline.post(payment(1))
    assert not again.is_new
    assert again.stored.transaction.customer_id == pipeline.tokenizer.token(EntityKind.CUSTOMER, "ann")
    pipeline.post(payment(2))
    assert not pipeline.post(payment(2)).is_new


def blocked(pipeline: Pipeline, token: str) -> None:
    entry = ListEntry(since=0, by="somebody", reason="test")
    listing = Listing(entity=f"card#{token}", entries={"blocked": entry}, changed_at=1, version=1)
    pipeline.world.dynamodb.put_item(TableName="profiles", Item=listing.to_item())


@pytest.mark.parametrize("step", ["before", "overlap", "rekeyed", "new number"])
def test_list_entries_are_found_at_every_step(pipeline: Pipeline, step: str) -> None:
    blocked(pipeline, pipeline.tokenizer.token(EntityKind.CARD, "ann-card"))
    if step != "before":
        rotate_keys(pipeline)
    if step in {"rekeyed", "new number"}:
        pipeline.rekey()
    if step == "new number":
        rotate_keys(pipeline, number=2)
    pipeline.post(payment(1))
    pipeline.analyze()
    (item,) = [item for item in pipeline.world.items("transactions") if "decision" in item]
    assert item["decision"] == {"S": "DECLINE"}


def test_entries_in_the_file_of_lists_are_found_by_newer_tokens(pipeline: Pipeline) -> None:
    token = pipeline.tokenizer.token(EntityKind.CARD, "ann-card")
    files = [(RULES / name).read_bytes() for name in RULESET_FILES]
    lists = f"blocked: {{card: [{token}]}}\ntrusted: {{}}\n".encode()
    pipeline.ruleset = load(files[0], files[1], lists)
    rotate_keys(pipeline, number=2)
    pipeline.post(payment(1))
    pipeline.analyze()
    (item,) = [item for item in pipeline.world.items("transactions") if "decision" in item]
    assert item["decision"] == {"S": "DECLINE"}


def test_a_decision_says_that_it_was_made_without_a_damaged_earlier_profile(pipeline: Pipeline) -> None:
    pipeline.take([payment(1)])
    (earlier,) = (key for key in pipeline.world.profiles() if key.startswith("customer#"))
    damaged = to_item({"entity": earlier, "state": b"damaged", "version": 1})
    pipeline.world.dynamodb.put_item(TableName="profiles", Item=damaged)
    rotate_keys(pipeline)
    pipeline.take([payment(2)])
    newest = pipeline.tokenizer.tokens(EntityKind.CUSTOMER, "ann")[-1]
    items = [item for item in pipeline.world.items("transactions") if "decision" in item]
    (decision,) = (Decision.from_item(item) for item in items if item["transactionId"] == {"S": "t-2"})
    assert decision
    assert ("PROFILE_DAMAGED", f"customer#{newest}") in {(reason.code, reason.source) for reason in decision.reasons}


def test_a_profile_that_moves_while_it_is_used_loses_nothing(pipeline: Pipeline) -> None:
    pipeline.take([payment(number) for number in range(3)])
    rotate_keys(pipeline)
    pipeline.post(payment(3))
    # The analyzer has read the profile by its old token; before it writes, the profile is moved.
    moved: list[Rekeyed] = []

    def hook(**call: Any) -> None:
        if not moved and call["params"].get("TableName") == "profiles":
            moved.append(Rekeyed())
            moved.append(pipeline.rekey())

    stop = pipeline.world.interfere("PutItem", hook)
    pipeline.analyze()
    stop()
    assert len(moved) == 2
    newest = pipeline.tokenizer.tokens(EntityKind.CUSTOMER, "ann")[-1]
    assert len(pipeline.world.profiles()[f"customer#{newest}"].profile.ring) == 4
    assert len(pipeline.world.profiles()) == 2


def test_an_interrupted_rekeying_goes_on(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.take([payment(number, customerId=f"customer-{number}") for number in range(8)])
    rotate_keys(pipeline)
    calls: list[int] = []

    def hook(**_: Any) -> None:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt

    stop = pipeline.world.interfere("TransactWriteItems", hook)
    with pytest.raises(KeyboardInterrupt):
        pipeline.rekey()
    stop()
    pipeline.rekey()
    assert pipeline.first_tokens(tmp_path) == []
    assert len(pipeline.world.profiles()) == 9


def test_two_rekeyings_at_once_are_told_as_such(pipeline: Pipeline) -> None:
    pipeline.take([payment(number) for number in range(3)])
    rotate_keys(pipeline)
    gone: list[str] = []

    def lose(params: dict[str, Any], **_: Any) -> None:
        if params["Key"].endswith(".parquet") and not gone:
            gone.append(params["Key"])
            pipeline.s3.delete_object(Bucket=BUCKET, Key=params["Key"])

    pipeline.s3.meta.events.register("provide-client-params.s3.GetObject", lose)
    with pytest.raises(ChangedByOthersError, match="wait until no other runs, then run the same again"):
        pipeline.rekey()
    assert gone


def test_a_stored_transaction_is_what_the_api_stored_but_for_its_tokens(pipeline: Pipeline) -> None:
    pipeline.take([payment(1, counterpartyToken="bob", merchantId="shop", ipAddress="198.51.100.7")])
    (before,) = [item for item in pipeline.world.items("transactions") if "decision" in item]
    rotate_keys(pipeline)
    pipeline.rekey()
    (after,) = [item for item in pipeline.world.items("transactions") if "decision" in item]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"customerId", "cardToken", "merchantId", "counterpartyToken", "ipAddress"}
    assert Transaction.from_item(after).customer_id.startswith("tok2_")


@pytest.mark.parametrize("is_overtaken", [False, True], ids=["before the analyzer", "after the analyzer"])
def test_a_divided_profile_moves_as_one_item(pipeline: Pipeline, *, is_overtaken: bool) -> None:
    pipeline.take([payment(number) for number in range(3)])
    earlier = f"card#{pipeline.tokenizer.token(EntityKind.CARD, 'ann-card')}"
    pipeline.world.divide(earlier)
    pipeline.take([payment(number) for number in range(3, 6)])
    rotate_keys(pipeline)
    if is_overtaken:
        pipeline.take([payment(6)])
    pipeline.rekey()
    newest = f"card#{pipeline.tokenizer.tokens(EntityKind.CARD, 'ann-card')[-1]}"
    cards = [item["entity"]["S"] for item in pipeline.world.items("profiles") if item["entity"]["S"].startswith("card")]
    assert cards == [newest]
    assert len(pipeline.world.profiles()[newest].profile.ring) == 6 + is_overtaken
