"""Tables, bucket, ruleset, and a browser that is inside."""

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import LISTED_INDEX, LISTED_KIND
from tests.console_harness import PROFILES, Browser, browser_on, put_ruleset
from tests.integration.cli.review_harness import System


@pytest.fixture
def system(aws: MinistackServer) -> System:
    made = System(aws)
    made.dynamodb.create_table(
        TableName=PROFILES,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "entity", "AttributeType": "S"},
            {"AttributeName": LISTED_KIND, "AttributeType": "S"},
            {"AttributeName": "changedAt", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "entity", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": LISTED_INDEX,
                "KeySchema": [
                    {"AttributeName": LISTED_KIND, "KeyType": "HASH"},
                    {"AttributeName": "changedAt", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    put_ruleset(made)
    return made


@pytest.fixture
def browser(aws: MinistackServer, system: System) -> Browser:
    del system  # it has made the tables
    return browser_on(aws).enter()
