"""A transaction processor on a table of the embedded AWS."""

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.aws_harness import create_table
from tests.integration.transactions.processor_harness import Processor, connect, make_processor


@pytest.fixture
def endpoint(aws: MinistackServer) -> str:
    return aws.endpoint_url


@pytest.fixture
def table(aws: MinistackServer) -> str:
    create_table(aws.client("dynamodb"), "table-transactions-test")
    return "table-transactions-test"


@pytest.fixture
def processor(endpoint: str, table: str) -> Processor:
    return make_processor(connect(endpoint), table)
