"""Objects that may be larger than a function's memory, read over real HTTP."""

import pytest
from botocore.exceptions import HTTPClientError

from fraudstream.aws.bounded_reads import read_beginning
from fraudstream.aws.clients import whole_s3
from fraudstream.aws.endpoint import Limits
from fraudstream.reporting.storage.object_store import BucketStore
from tests.unit.aws.service_harness import Reply, Service, aws_service

__all__ = ["aws_service"]

LIMITS = Limits(read_seconds=5)
CONTENT = b"blocked-cards:\n" + b"- tok_AAAAAAAAAAAAAAAAAAAAAA\n" * 9


def reply(*, is_cut: bool = False) -> Reply:
    return Reply(206, CONTENT, {"ETag": '"1"', "Content-Type": "application/yaml"}, is_cut=is_cut)


@pytest.mark.parametrize("most", [len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 1])
def test_an_object_is_read_whole_or_one_byte_too_far(aws_service: Service, most: int) -> None:
    aws_service.replies.append(reply())
    found = read_beginning(whole_s3(LIMITS), "bucket", "key", most)
    assert found.content == CONTENT[: most + 1]


@pytest.mark.parametrize("most", [len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 1])
def test_an_object_whose_connection_breaks_off_is_not_taken_for_whole(aws_service: Service, most: int) -> None:
    aws_service.replies += [reply(is_cut=True)] * 2
    with pytest.raises(HTTPClientError):
        read_beginning(whole_s3(LIMITS), "bucket", "key", most)
    with pytest.raises(HTTPClientError):
        BucketStore(whole_s3(LIMITS), "bucket").read_at_most("key", most)
