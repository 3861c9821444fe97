"""Who is calling: AWS Signature Version 4 or an API key, for httpx and for whoever asks for the headers."""

from abc import abstractmethod
from collections.abc import Generator, Mapping
from typing import Protocol

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials


class CredentialsSource(Protocol):
    """botocore's credentials: those that renew themselves hand out what is valid now."""

    def get_frozen_credentials(self) -> ReadOnlyCredentials: ...  # noqa: D102  (botocore's)


class CallerAuth(httpx.Auth):
    """Tells the API who is calling, by headers."""

    requires_request_body = True

    @abstractmethod
    def headers(self, method: str, url: str, body: bytes, content_type: str | None) -> Mapping[str, str]:
        """Return the headers that a request needs beside `content-type`.

        Args:
            method: such as `POST`.
            url: the whole of it.
            body: what is sent.
            content_type: the request's header of that name, if it has one.
        """

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers to a request of httpx."""
        content_type = request.headers.get("content-type")
        request.headers.update(self.headers(request.method, str(request.url), request.content, content_type))
        yield request


class SignedRequests(CallerAuth):
    """Signs every request for API Gateway, anew when it is sent again, since a signature holds for five minutes."""

    def __init__(self, credentials: CredentialsSource, region: str) -> None:
        """Sign with these credentials, for an API in this region."""
        self._credentials = credentials
        self._region = region

    def headers(self, method: str, url: str, body: bytes, content_type: str | None) -> Mapping[str, str]:
        """Return the signature's headers, and the one that it was made with."""
        known = {} if content_type is None else {"content-type": content_type}
        signed = AWSRequest(method=method, url=url, data=body, headers=known)
        SigV4Auth(self._credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(signed)
        return dict(signed.headers.items())


class ApiKey(CallerAuth):
    """Adds an API key of a usage plan to every request."""

    def __init__(self, key: str) -> None:
        """Use this key."""
        self._key = key

    def headers(self, method: str, url: str, body: bytes, content_type: str | None) -> Mapping[str, str]:
        """Return the key's header."""
        del method, url, body, content_type  # the key is the same for all of them
        return {"x-api-key": self._key}
