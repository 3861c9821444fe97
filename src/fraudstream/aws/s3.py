"""S3, with the calls that the functions make for each batch, spoken as boto3's client speaks them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

import base64
import io
import zlib
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict
from urllib.parse import quote, urlencode

from fraudstream.aws.connection import AwsRequest, AwsResponse, Connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from fraudstream.aws.endpoint import Limits

_SERVICE: Final = "s3"


class S3Object(TypedDict):
    """An object that was read."""

    ETag: str
    Body: io.BytesIO


class S3Key(TypedDict):
    """An object that was listed."""

    Key: str
    ETag: str


class S3Page(TypedDict):
    """Objects that were listed."""

    Contents: list[S3Key]
    IsTruncated: bool
    NextContinuationToken: NotRequired[str]


class Bucket:
    """One bucket's calls, by the names and with the parameters, answers and errors of boto3's client."""

    def __init__(self, bucket: str, limits: Limits, before_attempt: Callable[[], None] | None = None) -> None:
        """Prepare to call; nothing is opened before the first request.

        Args:
            bucket: the bucket's name.
            limits: how long to wait, and how often to try.
            before_attempt: called before each attempt; what it raises ends the call.
        """
        self.connection = Connection(
            _SERVICE, limits, _read_error, host_prefix=f"{bucket}.", before_attempt=before_attempt
        )

    def get_object(
        self, *, Bucket: str, Key: str, IfNoneMatch: str | None = None, Range: str | None = None
    ) -> S3Object:
        """Read an object or some of its bytes, if it is another one than that with a given mark.

        Raises:
            ClientError: S3 refused, there is no such object, or it has not changed (status 304).
            HTTPClientError: there was no answer.
        """
        conditions = {"if-none-match": IfNoneMatch, "range": Range}
        headers = {name: value for name, value in conditions.items() if value is not None}
        response = self.connection.send(AwsRequest("GetObject", "GET", self._path(Bucket, Key), headers))
        return {"ETag": response.headers.get("etag", ""), "Body": io.BytesIO(response.content)}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        """Write an object; S3 refuses what has changed on its way.

        Raises:
            ClientError: S3 refused.
            HTTPClientError: there was no answer; the object may have been written.
        """
        checksum = base64.b64encode(zlib.crc32(Body).to_bytes(4, "big")).decode()
        headers = {"content-type": ContentType, "x-amz-checksum-crc32": checksum}
        self.connection.send(AwsRequest("PutObject", "PUT", self._path(Bucket, Key), headers, Body))

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, StartAfter: str = "", ContinuationToken: str | None = None
    ) -> S3Page:
        """Return the keys that begin with a prefix, and come behind another key: a thousand, and how to go on.

        Raises:
            ClientError: S3 refused.
            HTTPClientError: there was no answer.
        """
        more = {} if ContinuationToken is None else {"continuation-token": ContinuationToken}
        parameters = {**more, "list-type": "2", "prefix": Prefix, "start-after": StartAfter}
        query = urlencode(parameters, quote_via=quote, safe="~")
        request = AwsRequest("ListObjectsV2", "GET", self._path(Bucket, ""), {}, query=query)
        listing = _xml(self.connection.send(request).content)
        page: S3Page = {
            "Contents": [
                {"Key": entry.findtext("{*}Key", ""), "ETag": entry.findtext("{*}ETag", "")}
                for entry in listing.iterfind("{*}Contents")
            ],
            "IsTruncated": listing.findtext("{*}IsTruncated") == "true",
        }
        if following := listing.findtext("{*}NextContinuationToken"):
            page["NextContinuationToken"] = following
        return page

    def _path(self, bucket: str, key: str) -> str:
        path = "/" + quote(key, safe="/~")
        return f"/{bucket}{path}" if self.connection.is_elsewhere else path


def _read_error(response: AwsResponse) -> dict[str, Any]:
    code, message = str(response.status_code), ""
    try:
        if response.content:
            problem = _xml(response.content)
            code, message = problem.findtext("Code") or code, problem.findtext("Message") or ""
    except SyntaxError:
        # What stands between here and S3 has answered.
        pass
    return {"Error": {"Code": code, "Message": message}}


def _xml(content: bytes) -> Element:
    from xml.etree import ElementTree as ET  # noqa: PLC0415  (a function that only reads objects needs none)

    return ET.fromstring(content)  # noqa: S314  (it comes from AWS)
