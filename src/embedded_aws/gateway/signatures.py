"""Signature Version 4: whether a request was signed by someone whom we know, within the last minutes."""

import hmac
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKey

from embedded_aws.gateway.exchange import Exchange
from embedded_aws.gateway.responses import RefusalError, expired_token, invalid_signature, missing_token, unknown_client
from embedded_aws.specs import Credentials, KnownCredentials

_SERVICE = "execute-api"
_SKEW = timedelta(minutes=5)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
_BASIC_FORM = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+"
    r"Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/aws4_request\s*,\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})\s*"
)
_DOES_NOT_MATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


class SignatureVerifier:
    """Verifies requests to an API of one region."""

    def __init__(self, region: str, known: KnownCredentials) -> None:
        self._region = region
        self._known = known

    def verify(self, exchange: Exchange) -> Credentials:
        """Find out who signed a request.

        Raises:
            RefusalError: Nobody, nobody whom we know, not this request, or not now.
        """
        authorization = exchange.header("authorization")
        if not authorization:
            raise missing_token()
        claim = _AUTHORIZATION.fullmatch(authorization)
        if claim is None:
            message = "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters."
            raise RefusalError("DEFAULT_4XX", 403, message, "IncompleteSignatureException")
        credentials = self._known(claim["key"])
        if credentials is None or exchange.header("x-amz-security-token") != credentials.session_token:
            raise unknown_client()
        signed_at = self._check_scope(exchange, claim)
        if credentials.expires_at is not None and credentials.expires_at <= datetime.now(UTC):
            raise expired_token()
        if not hmac.compare_digest(self._sign(exchange, claim, credentials, signed_at), claim["signature"]):
            raise invalid_signature(_DOES_NOT_MATCH)
        return credentials

    def _check_scope(self, exchange: Exchange, claim: re.Match[str]) -> datetime:
        if claim["region"] != self._region:
            raise invalid_signature("Credential should be scoped to a valid region.")
        if claim["service"] != _SERVICE:
            raise invalid_signature(f"Credential should be scoped to correct service: '{_SERVICE}'.")
        signed_at = _signing_time(exchange)
        if signed_at is None or f"{signed_at:%Y%m%d}" != claim["date"]:
            raise invalid_signature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.")
        now = datetime.now(UTC)
        if signed_at < now - _SKEW:
            raise invalid_signature("Signature expired.")
        if signed_at > now + _SKEW:
            raise invalid_signature("Signature not yet current.")
        return signed_at

    def _sign(self, exchange: Exchange, claim: re.Match[str], credentials: Credentials, signed_at: datetime) -> str:
        wanted = claim["headers"].split(";")
        if "host" not in wanted:
            raise invalid_signature("'Host' must be a 'SignedHeader' in the AWS Authorization.")
        url = f"http://{exchange.header('host')}{exchange.raw_path}"
        request = AWSRequest(method=exchange.method, url=f"{url}?{exchange.query}" if exchange.query else url)
        request.data = exchange.body
        for name, value in exchange.headers:
            if name in wanted:
                request.headers[name] = value
        digest = exchange.header("x-amz-content-sha256")
        if digest is not None and digest != sha256(exchange.body).hexdigest():
            raise invalid_signature(_DOES_NOT_MATCH)
        request.context["timestamp"] = signed_at.strftime(_BASIC_FORM)
        key = SigningKey(credentials.access_key_id, credentials.secret_access_key)
        signer = SigV4Auth(key, _SERVICE, self._region)
        return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)


def _signing_time(exchange: Exchange) -> datetime | None:
    try:
        if stamp := exchange.header("x-amz-date"):
            return datetime.strptime(stamp, _BASIC_FORM).replace(tzinfo=UTC)
        return parsedate_to_datetime(exchange.header("date") or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
