"""Signatures of AWS for the library that schemathesis sends by."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests import PreparedRequest
from requests.auth import AuthBase


class Signature(AuthBase):
    """Signs every request for API Gateway."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        """Sign with these credentials, for an API in this region."""
        self._credentials = credentials
        self._region = region

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the signature's headers to a request; the name of the argument is the library's."""
        kind = r.headers.get("content-type")
        signed = AWSRequest(
            method=r.method, url=r.url, data=r.body or b"", headers={"content-type": kind} if kind else {}
        )
        SigV4Auth(self._credentials, "execute-api", self._region).add_auth(signed)
        r.headers.update({name: str(value) for name, value in signed.headers.items()})
        return r
