"""What a service answers in JSON, as it came: times are numbers, and binary values are text in Base64.

botocore goes through every value of an answer, by the service's description. A page of a stream has thousands of them,
and whoever reads a stream hands them on in JSON, where they have the form in which they came.
"""

from collections.abc import Mapping
from typing import Any

import boto3
import botocore.session
import msgspec
from botocore.model import Shape
from botocore.parsers import JSONParser, ResponseParserFactory

_ERRORS_FROM = 300


def plain_session() -> Any:  # noqa: ANN401  (boto3's, which the type stubs know a part of only)
    """Return a session whose clients give answers as they came; of services that speak JSON in their bodies alone."""
    session = botocore.session.Session()
    session.register_component("response_parser_factory", _PlainParsers())
    return boto3.session.Session(botocore_session=session)


class _PlainParsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> JSONParser:
        if protocol_name != "json":
            raise ValueError(f"protocol {protocol_name} does not answer in plain JSON")
        return _PlainParser()


class _PlainParser(JSONParser):
    def parse(self, response: Mapping[str, Any], shape: Shape) -> Any:  # noqa: ANN401  (any JSON value)
        if response["status_code"] >= _ERRORS_FROM:
            return super().parse(response, shape)
        return msgspec.json.decode(response["body"])
