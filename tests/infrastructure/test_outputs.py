"""What an operator is given: outputs, the same in a preview, and rights that the pages name."""

import json
from pathlib import Path

import pytest

from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Graph

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text()
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-alarms-test"


def test_the_operator_is_given_what_comes_next(graph: Graph) -> None:
    assert graph.outputs == {
        "apiUrl": f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com/v1",
        "bucketName": f"bucket-reports-{ACCOUNT}-test",
        "transactionsTable": "table-transactions-test",
        "profilesTable": "table-profiles-test",
        "alertsTable": "table-alerts-test",
        "outboxTable": "table-outbox-test",
        "deadLetterQueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue-dead-letters-test",
        "alarmTopicArn": TOPIC,
        "alertTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-alerts-test",
        "processorFunction": "lambda-transaction-processor-test",
        "analyzerFunction": "lambda-fraud-analyzer-test",
        "reportFunction": "lambda-report-generator-test",
        "analystPolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/policy-analyst-test",
        "ruleAuthorPolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/policy-rule-author-test",
        "auditorPolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/policy-auditor-test",
        "dailySchedule": "schedule-daily-report-test",
        "hourlySchedule": "schedule-hourly-roll-up-test",
        "region": REGION,
        "apiGatewayAccountRole": "manage",
        "tokenKeys": "1",
        "tokenNumber": "1",
        "retentionDays": "180",
        "reviewHours": "24",
        "reviewExpiryDays": "30",
        "encryptionKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
    }


def test_an_api_key_is_given_as_a_secret(everything: Graph) -> None:
    assert everything.outputs["apiKey"] == "key-client-test-value"
    assert everything.secret_outputs == {"apiKey"}


def test_a_preview_gives_the_same_outputs(graph: Graph, preview: Graph) -> None:
    assert preview.outputs.keys() == graph.outputs.keys()


def test_a_preview_declares_the_same_resources(graph: Graph, preview: Graph) -> None:
    assert {each.urn for each in preview.resources} == {each.urn for each in graph.resources}


@pytest.mark.parametrize("section", ["## Changing rules", "## Lists"])
def test_what_commands_need_to_leave_a_record_is_among_their_rights(graph: Graph, section: str) -> None:
    policy = json.loads(graph.one("aws:iam/policy:Policy", "policy-rule-author-test")["policy"])
    written = {
        resource.partition("/")[2]
        for statement in policy["Statement"]
        if statement["Action"] == ["s3:PutObject"]
        for resource in statement["Resource"]
    }
    (records,) = [each for each in written if each.startswith("audit/")]
    text = OPERATIONS.partition(f"{section}\n")[2].partition("\n## ")[0]
    assert f"`s3:PutObject` on `{records}`" in text
