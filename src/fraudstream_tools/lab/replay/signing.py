"""Who is calling: AWS Signature Version 4 or an API key, for httpx."""

from collections.abc import Generator
from typing import Protocol

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials


class CredentialsSource(Protocol):
    """botocore's credentials: those that renew themselves hand out what is valid now."""

    def get_frozen_credentials(self) -> ReadOnlyCredentials: ...  # noqa: D102  (botocore's)


class SignedRequests(httpx.Auth):
    """Signs every request for API Gateway, anew when it is sent again, since a signature holds for five minutes."""

    requires_request_body = True

    def __init__(self, credentials: CredentialsSource, region: str) -> None:
        """Sign with these credentials, for an API in this region."""
        self._credentials = credentials
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature's headers to a request."""
        headers = {"content-type": request.headers["content-type"]} if "content-type" in request.headers else {}
        signed = AWSRequest(method=request.method, url=str(request.url), data=request.content, headers=headers)
        credentials = self._credentials.get_frozen_credentials()
        SigV4Auth(credentials, "execute-api", self._region).add_auth(signed)
        for name, value in signed.headers.items():
            request.headers[name] = value
        yield request


class ApiKey(httpx.Auth):
    """Adds an API key of a usage plan to every request."""

    def __init__(self, key: str) -> None:
        """Use this key."""
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key's header to a request."""
        request.headers["x-api-key"] = self._key
        yield request
