"""Tables, bucket, and the key that encrypts what they hold."""

import json
from pathlib import Path

import pytest

from fraudstream.contract import CUSTOMER_INDEX, LISTED_INDEX, LISTED_KIND, RULESET_PREFIX
from fraudstream.detection.models.selection import load_models, parse_selection
from fraudstream.detection.stores.lists.listings import Listing
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Declare, Graph, Resource

ALARMS = "topic-alarms-test"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
BUCKET = f"bucket-reports-{ACCOUNT}-test"
MODELS = Path(__file__).parents[3] / "models"


def table(graph: Graph, purpose: str) -> Resource:
    return graph.one("aws:dynamodb/table:Table", f"table-{purpose}-test")


def test_transactions_are_found_by_id_and_time_and_stream_old_and_new(graph: Graph) -> None:
    found = table(graph, "transactions")
    assert (found["hashKey"], found["rangeKey"]) == ("transactionId", "timestamp")
    assert {each["name"]: each["type"] for each in found["attributes"]} == {
        "transactionId": "S",
        "timestamp": "N",
        "sampleDay": "S",
        "receivedAt": "N",
        "networkReference": "S",
        "customerId": "S",
    }
    assert found["streamEnabled"] is True
    assert found["streamViewType"] == "NEW_AND_OLD_IMAGES"


def test_marked_transactions_alone_stand_in_an_index_by_their_day(graph: Graph) -> None:
    index, *_ = table(graph, "transactions")["globalSecondaryIndexes"]
    assert index["name"] == "by-sample-day"
    assert index["projectionType"] == "KEYS_ONLY"
    assert index["keySchemas"] == [
        {"attributeName": "sampleDay", "keyType": "HASH"},
        {"attributeName": "receivedAt", "keyType": "RANGE"},
    ]


def test_payments_with_a_network_reference_alone_stand_in_an_index_by_it(graph: Graph) -> None:
    _, index, _ = table(graph, "transactions")["globalSecondaryIndexes"]
    assert index["name"] == "by-network-reference"
    assert index["projectionType"] == "KEYS_ONLY"
    assert [each["attributeName"] for each in index["keySchemas"]] == ["networkReference", "receivedAt"]


def test_transactions_are_found_by_customer_unless_nobody_wants_to_pay_for_it(graph: Graph, declare: Declare) -> None:
    *_, index = table(graph, "transactions")["globalSecondaryIndexes"]
    assert index["name"] == CUSTOMER_INDEX
    assert index["projectionType"] == "KEYS_ONLY"
    assert [each["attributeName"] for each in index["keySchemas"]] == ["customerId", "receivedAt"]
    without = table(declare({"fraudstream:customerIndex": "false"}), "transactions")
    assert [each["name"] for each in without["globalSecondaryIndexes"]] == ["by-sample-day", "by-network-reference"]
    assert "customerId" not in {each["name"] for each in without["attributes"]}


def test_profiles_are_found_by_entity_and_stream_nothing(graph: Graph) -> None:
    found = table(graph, "profiles")
    assert found["hashKey"] == "entity"
    assert found["streamEnabled"] is False


def test_alerts_are_found_by_transaction_status_and_customer(graph: Graph) -> None:
    found = table(graph, "alerts")
    assert found["hashKey"] == "transactionId"
    assert found["streamViewType"] == "NEW_IMAGE"
    indexes = {index["name"]: index for index in found["globalSecondaryIndexes"]}
    assert {name: index["projectionType"] for name, index in indexes.items()} == {
        "by-status": "ALL",
        "by-entity": "ALL",
    }
    assert {name: [key["attributeName"] for key in index["keySchemas"]] for name, index in indexes.items()} == {
        "by-status": ["statusShard", "createdAt"],
        "by-entity": ["entity", "createdAt"],
    }
    assert {each["name"]: each["type"] for each in found["attributes"]} == {
        "transactionId": "S",
        "statusShard": "S",
        "entity": "S",
        "createdAt": "N",
    }


@pytest.mark.parametrize("purpose", ["transactions", "profiles", "alerts"])
def test_a_table_is_on_demand_encrypted_recoverable_and_forgets(graph: Graph, purpose: str) -> None:
    found = table(graph, purpose)
    assert found["billingMode"] == "PAY_PER_REQUEST"
    assert found["pointInTimeRecovery"] == {"enabled": True}
    assert found["ttl"] == {"attributeName": "expiresAt", "enabled": True}
    assert found["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY}
    assert found["deletionProtectionEnabled"] is False


def test_only_the_table_that_is_seldom_read_pays_more_for_requests(graph: Graph) -> None:
    classes = {purpose: table(graph, purpose)["tableClass"] for purpose in ("transactions", "profiles", "alerts")}
    assert classes == {
        "transactions": "STANDARD_INFREQUENT_ACCESS",
        "profiles": "STANDARD",
        "alerts": "STANDARD",
    }


def test_the_bucket_is_closed_to_the_public(graph: Graph) -> None:
    blocked = graph.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert blocked.inputs == {
        "bucket": BUCKET,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    ownership = graph.one("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_the_bucket_keeps_versions(graph: Graph) -> None:
    versioning = graph.one("aws:s3/bucketVersioning:BucketVersioning")
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}


def days(graph: Graph) -> tuple[dict[str, int], int]:
    rules = graph.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")["rules"]
    assert all(rule["status"] == "Enabled" for rule in rules)
    expiring = {rule["filter"]["prefix"]: rule["expiration"]["days"] for rule in rules[:-1]}
    return expiring, rules[-1]["noncurrentVersionExpiration"]["noncurrentDays"]


def test_the_bucket_forgets_as_the_settings_say(graph: Graph, declare: Declare) -> None:
    always = {"decision-log/erasures/": 2, "query-results/": 7}
    assert days(graph) == ({**always, "decision-log/": 400, "decision-log/segments/": 30, "reports/": 400}, 30)
    settings = {
        "fraudstream:decisionLogDays": "20",
        "fraudstream:reportDays": "3650",
        "fraudstream:oldVersionDays": "1",
    }
    assert days(declare(settings)) == (
        {**always, "decision-log/": 20, "decision-log/segments/": 20, "reports/": 3650},
        1,
    )


def test_only_listed_entities_are_in_the_index_of_the_profiles(graph: Graph) -> None:
    (index,) = table(graph, "profiles")["globalSecondaryIndexes"]
    assert (index["name"], index["projectionType"]) == (LISTED_INDEX, "ALL")
    keys = [key["attributeName"] for key in index["keySchemas"]]
    assert keys == [LISTED_KIND, "changedAt"]
    # What makes it sparse: no profile has the attributes.
    listing = Listing(entity="card#tok", entries={}, changed_at=1, version=1).to_item()
    assert set(keys) <= set(listing)


def test_the_ruleset_lies_where_the_analyzer_looks_for_it(graph: Graph) -> None:
    prefix = RULESET_PREFIX
    models = {f"{prefix}models/{path.name}" for path in MODELS.glob("*.json")}
    assert {each["key"] for each in graph.of("aws:s3/bucketObjectv2:BucketObjectv2")} == models | {
        f"{prefix}{name}.yaml" for name in ("ruleset", "rates", "lists", "models")
    }


def test_the_models_are_there_before_the_file_that_names_them(graph: Graph) -> None:
    objects = {each["key"]: each for each in graph.of("aws:s3/bucketObjectv2:BucketObjectv2")}
    (pointer,) = [each for key, each in objects.items() if key.endswith("models.yaml")]
    models = [each for key, each in objects.items() if key.endswith(".json")]
    assert {each.urn for each in models} <= set(graph.ancestors(pointer))


def test_the_models_that_are_deployed_can_be_used_and_none_decides_unasked() -> None:
    chosen = parse_selection((MODELS / "models.yaml").read_bytes())
    assert chosen.live is None
    load_models(chosen, lambda name: (MODELS / name).read_bytes())


def test_the_ruleset_is_uploaded_into_a_bucket_that_encrypts_it(graph: Graph) -> None:
    encryption = graph.one("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
    for each in graph.of("aws:s3/bucketObjectv2:BucketObjectv2"):
        assert encryption.urn in graph.ancestors(each)


def encryption(graph: Graph) -> dict[str, object]:
    (rule,) = graph.one("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")[
        "rules"
    ]
    return rule


def test_one_key_of_the_stacks_own_encrypts_everything(graph: Graph) -> None:
    assert encryption(graph) == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY},
        "bucketKeyEnabled": True,
    }
    encrypted = {
        "aws:cloudwatch/logGroup:LogGroup": "kmsKeyId",
        "aws:lambda/function:Function": "kmsKeyArn",
        "aws:sns/topic:Topic": "kmsMasterKeyId",
        "aws:sqs/queue:Queue": "kmsMasterKeyId",
    }
    for kind, key in encrypted.items():
        assert {each[key] for each in graph.of(kind) if each["name"] != ALARMS} == {KEY}


def test_alarms_need_no_key_so_that_they_tell_of_one_that_is_disabled(graph: Graph) -> None:
    assert "kmsMasterKeyId" not in graph.one("aws:sns/topic:Topic", ALARMS).inputs
    principals = [
        statement["Principal"] for statement in json.loads(graph.one("aws:kms/key:Key")["policy"])["Statement"]
    ]
    assert {"Service": "cloudwatch.amazonaws.com"} not in principals


def test_the_key_is_rotated_and_goes_a_week_after_the_stack(graph: Graph) -> None:
    key = graph.one("aws:kms/key:Key")
    assert key["enableKeyRotation"] is True
    assert key["deletionWindowInDays"] == 7
    assert graph.one("aws:kms/alias:Alias")["name"] == "alias/key-data-test"


def test_or_awss_own_keys_do(plain: Graph) -> None:
    assert not plain.has("aws:kms/key:Key")
    assert encryption(plain) == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"},
        "bucketKeyEnabled": False,
    }
    for each in plain.of("aws:dynamodb/table:Table"):
        assert each["serverSideEncryption"] == {"enabled": True}
    assert plain.one("aws:sqs/queue:Queue")["sqsManagedSseEnabled"] is True


def test_what_failed_is_kept_for_two_weeks(graph: Graph) -> None:
    assert graph.one("aws:sqs/queue:Queue")["messageRetentionSeconds"] == 14 * 24 * 3600
