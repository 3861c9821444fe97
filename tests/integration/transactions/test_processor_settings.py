"""What a stack's settings say of inline decisions, the processor does: each is tried as Lambda starts the function."""

import base64
import importlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import APPROVALS_PREFIX, RULESET_FILES, RULESET_PREFIX, EntityKind, FourEyes, files_digest
from fraudstream.detection.stores.lists.listings import ListEntry, Listing
from fraudstream.settings import ProcessorSettings, environment
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from tests.aws_harness import function_variables
from tests.integration.detection.analyzer_harness import RULESET_FILES as FILES
from tests.integration.detection.analyzer_harness import World, a_world, transaction
from tests.integration.transactions.inline.inline_harness import BUCKET, make_bucket
from tests.integration.transactions.processor_harness import DAY, KEY, payment, request
from tests.unit.detection.model_harness import small_model

HANDLER = "fraudstream.functions.transaction_processor"
ARN = "arn:aws:lambda:us-east-2:000000000000:function:lambda-transaction-processor-test"
CUSTOMER = "customer-81"
TOKEN = Tokenizer(KEY).token(EntityKind.CUSTOMER, CUSTOMER)
ATTEMPTS = 60
"""Of a request on a busy machine, until one is answered within the budget."""
NO_DIGEST = "0" * 64
"""Of no file: all that is used was approved by two people."""
LISTED = 'listed("blocked")'


@pytest.fixture
def world(aws: MinistackServer) -> Iterator[World]:
    make_bucket(aws)
    with a_world(aws) as made:
        yield made


def store_ruleset(aws: MinistackServer, when: str = LISTED, lists: bytes = FILES[2]) -> tuple[bytes, ...]:
    """Store a ruleset that declines on one condition alone, and return its files."""
    rules = f"""
schemaVersion: 1
baseLogOdds: -4
thresholds: {{review: 30, decline: 80}}
rules:
  - {{id: own, description: d, when: '{when}', decision: DECLINE, reasonCode: OWN, severity: high, source: own}}
"""
    files = (rules.encode(), FILES[1], lists)
    for name, content in zip(RULESET_FILES, files, strict=True):
        aws.client("s3").put_object(Bucket=BUCKET, Key=RULESET_PREFIX + name, Body=content)
    return files


def approve(aws: MinistackServer, kind: FourEyes, digest: str) -> None:
    """Put the marks of two people on a change."""
    for person in ("AIDAANN", "AIDABEN"):
        aws.client("s3").put_object(Bucket=BUCKET, Key=f"{APPROVALS_PREFIX}{kind}/{digest}/{person}", Body=b"")


class Function:
    """The function, in an environment of its own."""

    def __init__(self, module: ModuleType) -> None:
        self._handler: Callable[..., dict[str, Any]] = module.handler

    def post(self, *, wait: bool = True, **fields: Any) -> dict[str, Any]:
        event = request("POST", "/transactions", body=json.dumps(payment(customerId=CUSTOMER, **fields)))
        event["headers"] |= {"Prefer": "wait=5"} if wait else {}
        context = type("Context", (), {"aws_request_id": "22222222-bbbb", "invoked_function_arn": ARN})()
        answer = self._handler(event, context)
        assert answer["statusCode"] == 201
        return json.loads(answer["body"])

    def decided(self, **fields: Any) -> dict[str, Any]:
        """Post until an inline decision is made in time, and return it."""
        for _ in range(ATTEMPTS):
            if (found := self.post(**fields)).get("inlineDecision"):
                return found["inlineDecision"]
        raise AssertionError


@contextmanager
def started(aws: MinistackServer, *, ready: bool = False, s3: str = "", **settings: object) -> Iterator[Function]:
    """Start the function with settings beside those of every stack that has inline decisions."""
    least: dict[str, object] = {
        "environment_suffix": "test",
        "transactions_table": "transactions",
        "token_key": KEY,
        "inline_budget_milliseconds": 5000,
        "profiles_table": "profiles",
        "bucket": BUCKET,
    }
    variables = function_variables(aws, environment(ProcessorSettings, **(least | settings)))
    variables |= {"AWS_ENDPOINT_URL_S3": s3} if s3 else {}
    variables |= {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"} if ready else {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        sys.modules.pop(HANDLER, None)
        yield Function(importlib.import_module(HANDLER))
    sys.modules.pop(HANDLER, None)


def test_hours_are_those_of_the_time_zone(aws: MinistackServer, world: World) -> None:
    now = int(time.time() * 1000)
    store_ruleset(aws, f"localHour == {(now // 3_600_000 + 9) % 24}")
    with started(aws, time_zone="Asia/Tokyo") as function:
        assert function.decided(timestamp=now)["decision"] == "DECLINE"
    assert world.items("alerts") == []


@pytest.mark.parametrize(("days", "verdict"), [(1, "DECLINE"), (7, "APPROVE")])
def test_a_share_of_frauds_leaves_out_the_days_of_the_labels_delay(
    aws: MinistackServer, world: World, days: int, verdict: str
) -> None:
    store_ruleset(aws, "terminalFraudShare30d > 0.9")
    now = int(time.time() * 1000)
    with started(aws, label_delay_days=days) as function:
        first = function.post(wait=False, terminalId="till-1", timestamp=now - 2 * DAY)
        world.analyze()
        stored = transaction(0, transaction_id=first["transactionId"], timestamp=first["timestamp"])
        world.change(stored, {"label": Truth.FRAUD, "labelSource": "analyst", "labeledAt": now})
        world.analyze()
        assert function.decided(terminalId="till-1", timestamp=now)["decision"] == verdict


@pytest.mark.usefixtures("world")
def test_lists_go_by_the_newest_token_keys(aws: MinistackServer) -> None:
    store_ruleset(aws, lists=f"{{blocked: {{customer: [{TOKEN}]}}}}".encode())
    with started(aws, token_keys_on_top=base64.b64encode(bytes(32)).decode()) as function:
        assert function.decided()["decision"] == "DECLINE"


@pytest.mark.parametrize("missing", [FourEyes.RULES, FourEyes.MODELS])
@pytest.mark.usefixtures("world")
def test_where_rules_and_models_need_two_people_one_alone_changes_nothing(
    aws: MinistackServer, missing: FourEyes
) -> None:
    model = small_model(own_labels=True)
    files, pointer = store_ruleset(aws), f"live: {model.version}.json\n".encode()
    for name, content in ((f"models/{model.version}.json", model.to_json()), ("models.yaml", pointer)):
        aws.client("s3").put_object(Bucket=BUCKET, Key=RULESET_PREFIX + name, Body=content)
    digests = {FourEyes.RULES: files_digest(*files), FourEyes.MODELS: files_digest(pointer, model.to_json())}
    for kind in digests.keys() - {missing}:
        approve(aws, kind, digests[kind])
    with started(aws, approved_ruleset=NO_DIGEST, approved_models=NO_DIGEST) as function:
        assert "inlineDecision" not in function.post()
    approve(aws, missing, digests[missing])
    with started(aws, approved_ruleset=NO_DIGEST, approved_models=NO_DIGEST) as function:
        assert function.decided()["modelVersion"] == model.version


def test_where_lists_need_two_people_one_alone_changes_nothing(aws: MinistackServer, world: World) -> None:
    store_ruleset(aws)
    entry = ListEntry(since=1, by="arn:aws:iam::000000000000:user/ann", reason="card testing")
    listing = Listing(entity=f"customer#{TOKEN}", entries={"blocked": entry}, changed_at=1, version=1)
    world.dynamodb.put_item(TableName="profiles", Item=listing.to_item())
    with started(aws, approves_lists=1) as function:
        assert function.decided()["decision"] == "APPROVE"
    approve(aws, FourEyes.LISTS, entry.digest(listing.entity, "blocked"))
    with started(aws, approves_lists=1) as function:
        assert function.decided()["decision"] == "DECLINE"


@pytest.mark.usefixtures("world")
def test_advice_goes_by_the_provider_s_own_counter_and_fraud_rates(aws: MinistackServer) -> None:
    store_ruleset(aws)
    card = {"cardToken": "card-1", "channel": "ECOMMERCE"}
    transfer = {"type": "TRANSFER", "channel": "ECOMMERCE", "counterpartyToken": "DE89370400440532013000"}
    used_up = {"amountMinor": 2000, "paymentsSinceStrong": 4, "amountSinceStrongMinor": 1_000_000}
    with started(aws, sca_advice="issuer", sca_counter="payments", sca_card_fraud_rate="0.05") as function:
        assert function.decided(**card, **used_up)["scaAdvice"]["why"] == ["COUNTER_KNOWN"]
        assert function.decided(**card)["scaAdvice"]["why"] == ["ABOVE_LOW_VALUE", "PLACE_UNKNOWN"]
        assert function.decided(**transfer)["scaAdvice"]["why"] == ["ABOVE_LOW_VALUE", "NO_FRAUD_RATE"]
    with started(aws, sca_advice="acquirer", sca_transfer_fraud_rate="0.001") as function:
        assert function.decided(**card)["scaAdvice"]["why"] == ["ABOVE_LOW_VALUE", "NO_FRAUD_RATE"]
        assert function.decided(**transfer)["scaAdvice"]["why"] == ["PAYERS_PROVIDER_DECIDES"]


@pytest.mark.usefixtures("world")
def test_an_environment_that_is_kept_ready_has_read_its_ruleset(aws: MinistackServer) -> None:
    store_ruleset(aws)
    with started(aws, ready=True) as function:
        for name in RULESET_FILES:
            aws.client("s3").delete_object(Bucket=BUCKET, Key=RULESET_PREFIX + name)
        assert function.decided()["decision"] == "APPROVE"


@pytest.mark.usefixtures("world")
def test_what_never_answers_is_asked_once_within_the_budget(aws: MinistackServer) -> None:
    asked: list[socket.socket] = []

    def take() -> None:
        while True:
            try:
                asked.append(silent.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as silent:
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        with started(aws, s3=f"http://127.0.0.1:{silent.getsockname()[1]}") as function:
            begun = time.monotonic()
            assert "inlineDecision" not in function.post()
            # A budget of five seconds: ten times as much would be noticed on any machine.
            assert time.monotonic() - begun < 20
        silent.shutdown(socket.SHUT_RDWR)
    thread.join()
    for each in asked:
        each.close()
    assert len(asked) == 1
