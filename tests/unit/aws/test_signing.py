"""Signatures: the same as botocore's, for whatever is sent."""

from datetime import UTC, datetime
from typing import NamedTuple
from unittest import mock

import botocore.auth
import botocore.credentials
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError, NoRegionError
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.aws.signing import AwsCredentials, Signer, credentials_of, region_of

HOST = "service.us-east-2.amazonaws.com"
NOW = 1_795_400_000
VALUES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-/.", min_size=1, max_size=20)


class Asked(NamedTuple):
    """What is to be signed."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    token: str | None


def of_botocore(asked: Asked) -> str:
    """Return the header that botocore's signer adds."""
    request = AWSRequest(asked.method, f"https://{HOST}{asked.path}", headers=asked.headers, data=asked.body)
    request.context["payload_signing_enabled"] = True
    signer = S3SigV4Auth if asked.service == "s3" else SigV4Auth
    moment = datetime.fromtimestamp(NOW, UTC)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
        who = botocore.credentials.Credentials("key", "secret", asked.token)
        signer(who, asked.service, "us-east-2").add_auth(request)
    return request.headers["Authorization"]


ASKED = st.builds(
    Asked,
    service=st.sampled_from(["dynamodb", "s3"]),
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=st.lists(st.text("abcxyz019-_~", min_size=1, max_size=9), max_size=3).map(lambda parts: "/" + "/".join(parts)),
    headers=st.dictionaries(st.sampled_from(["content-type", "x-amz-target", "if-none-match"]), VALUES),
    body=st.binary(max_size=50),
    token=st.none() | VALUES,
)


@given(ASKED)
def test_a_signature_is_the_one_that_botocore_makes(asked: Asked) -> None:
    signer = Signer(AwsCredentials("key", "secret", asked.token), "us-east-2", asked.service)
    made = signer.signed(asked.method, asked.path, {**asked.headers, "host": HOST}, asked.body, now=NOW)
    assert made["authorization"] == of_botocore(asked)


def test_a_new_day_has_a_new_key() -> None:
    signer = Signer(AwsCredentials("key", "secret"), "us-east-2", "dynamodb")
    headers = {"host": HOST}
    days = [NOW, NOW + 86_400, NOW]
    made = [signer.signed("POST", "/", headers, b"", now=day)["authorization"] for day in days]
    assert made[0] == made[2] != made[1]
    fresh = Signer(AwsCredentials("key", "secret"), "us-east-2", "dynamodb")
    assert fresh.signed("POST", "/", headers, b"", now=days[1])["authorization"] == made[1]


def test_credentials_and_region_come_from_the_environment() -> None:
    variables = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert credentials_of(variables) == AwsCredentials("key", "secret", None)
    assert credentials_of(variables | {"AWS_SESSION_TOKEN": "token"}).session_token == "token"
    assert region_of(variables) == "eu-west-1"
    assert region_of(variables | {"AWS_REGION": "us-east-2"}) == "us-east-2"


def test_an_environment_without_them_is_refused_as_botocore_does() -> None:
    with pytest.raises(NoCredentialsError):
        credentials_of({"AWS_ACCESS_KEY_ID": "key"})
    with pytest.raises(NoRegionError):
        region_of({})
