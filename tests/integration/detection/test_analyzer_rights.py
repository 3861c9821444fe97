"""The analyzer under its role's policies: they allow all that it asks of the tables, and no items of another family.

The embedded AWS looks at no keys of items, so an evaluator of policies judges every request.
"""

import json
from dataclasses import replace

import msgspec
import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import ANALYZER
from fraudstream.detection.models.model import Promise, seal
from fraudstream.detection.stores.decisions.breaker import BreakerWatch
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import to_item
from infra.program import main
from proofs.access.evaluator import Asked, Statement, allows, enforce
from proofs.access.families import unused_families
from proofs.access.places import StackNames, places
from tests.infrastructure.policies_harness import empty_packages, policies_of
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, capture
from tests.integration.detection.analyzer_harness import NOW, TABLES, World, suspicious, transaction
from tests.unit.detection.models.test_combination import weighted

ROLE = f"role-{ANALYZER}"
NAMES = StackNames(region=REGION, account=ACCOUNT, suffix="test", key_arn="", streams={})
EVERYBODY = {
    "card_token": "tok_card",
    "merchant_id": "tok_shop",
    "terminal_id": "tok_till",
    "device_id": "tok_phone",
    "ip_address": "tok_net",
    "counterparty_token": "tok_ben",
}


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> list[Statement]:
    """Those of the analyzer's role, on tables by the names that the tests give them."""
    package = empty_packages(tmp_path_factory.mktemp("package"))
    policies = policies_of(capture(lambda: main(package), {"fraudstream:events": "all"}))
    return json.loads(_renamed(json.dumps(policies[ROLE])))


def _fail(error: Exception) -> None:
    raise error


def _renamed(text: str) -> str:
    for table in TABLES:
        text = text.replace(f"table-{table}-test", table)
    return text


def test_the_analyzer_may_write_the_items_that_it_writes_and_no_others(
    world: World, aws: MinistackServer, statements: list[Statement]
) -> None:
    asked: list[Asked] = []

    def may(each: Asked) -> bool:
        asked.append(each)
        return allows(statements, each, {})

    own = aws.client("dynamodb", aws.credentials)
    held = replace(world, dynamodb=enforce(own, may, f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/", ""))
    damaged = to_item({"entity": "customer#tok_ann", "state": b"\x03what was it", "version": 7, "expiresAt": 1})
    world.dynamodb.put_item(TableName="profiles", Item=damaged)
    world.store(*(msgspec.structs.replace(suspicious(number), **EVERYBODY) for number in range(1, 4)))
    assert held.analyze(world.records()).failures == []
    world.divide("merchant#tok_shop")
    world.store(*(msgspec.structs.replace(suspicious(number), **EVERYBODY) for number in range(4, 6)))
    assert held.analyze(world.records()).failures == []
    world.change(transaction(5), {"label": Truth.FRAUD, "labelSource": "ANALYST", "labeledAt": NOW + 9})
    assert held.analyze(world.records()).failures == []
    watch = BreakerWatch(held.dynamodb, "profiles", on_broken=lambda: None, on_failure=_fail)
    model = seal(
        msgspec.structs.replace(weighted(0.5).file, promised=Promise(log_odds=0, shares=(0.01,) * 24, spread=1))
    )
    assert not watch.is_broken(model)
    known = [replace(each, arn=_renamed(each.arn)) for each in places(NAMES) if each.service == "dynamodb"]
    assert unused_families({ROLE: statements}, known, {ROLE: asked}) == []
