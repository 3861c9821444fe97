"""Signature Version 4 of AWS: who sends a request, and that nobody has changed it.

As https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html says. The signing key is
the same for a day, so it is derived once a day and not for each request.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import NoCredentialsError, NoRegionError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class AwsCredentials(NamedTuple):
    """Who calls. Lambda gives a function temporary ones, which outlive the process."""

    access_key: str
    secret_key: str
    session_token: str | None = None


def credentials_of(variables: Mapping[str, str] = os.environ) -> AwsCredentials:
    """Return the credentials in the environment.

    Raises:
        NoCredentialsError: there are none.
    """
    try:
        access_key, secret_key = variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]
    except KeyError:
        raise NoCredentialsError from None
    return AwsCredentials(access_key, secret_key, variables.get("AWS_SESSION_TOKEN") or None)


def region_of(variables: Mapping[str, str] = os.environ) -> str:
    """Return the region in the environment.

    Raises:
        NoRegionError: there is none.
    """
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    if not region:
        raise NoRegionError
    return region


class Signer:
    """Signs the requests to one service in one region."""

    def __init__(self, credentials: AwsCredentials, region: str, service: str) -> None:
        """Prepare to sign; the key of a day is derived when its first request is signed.

        Args:
            credentials: those of whoever sends the requests.
            region: the region's name, such as `eu-central-1`.
            service: the service's name in signatures, such as `dynamodb`.
        """
        self._credentials = credentials
        self._region = region
        self._service = service
        self._key_of_day: tuple[str, bytes] = "", b""

    def signed(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        query: str = "",
        now: float | None = None,
    ) -> dict[str, str]:
        """Return the headers of a request, with those that sign it.

        Args:
            method: such as `POST`.
            path: percent-encoded.
            headers: by name in small letters, `host` among them; all of them are signed.
            body: what is sent.
            query: parameters in order of their names, percent-encoded.
            now: the time, seconds since the epoch; by default that of the clock.
        """
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(body).hexdigest()
        complete = {**headers, "x-amz-date": moment}
        if self._service == "s3":
            complete["x-amz-content-sha256"] = digest
        if self._credentials.session_token:
            complete["x-amz-security-token"] = self._credentials.session_token
        names = sorted(complete)
        lines = "".join(f"{name}:{complete[name]}\n" for name in names)
        signed = ";".join(names)
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{digest}"
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(moment[:8]), text.encode(), "sha256").hex()
        who = f"{self._credentials.access_key}/{scope}"
        complete["authorization"] = f"{_ALGORITHM} Credential={who}, SignedHeaders={signed}, Signature={signature}"
        return complete

    def _key(self, day: str) -> bytes:
        known, key = self._key_of_day
        if known != day:
            key = f"AWS4{self._credentials.secret_key}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            # In one step: threads share the signer.
            self._key_of_day = day, key
        return key
