"""The seal of a segment: a keyed hash of its content, in its key.

The same records give the same bytes, and so the same key: a retry of a batch still overwrites its own segment.
"""

import hashlib
import hmac
import re
from typing import Final

from fraudstream.reporting.log.segments import SUFFIX, Segment

_SEAL_DIGITS: Final = 32
_SEALED: Final = re.compile(rf".*-s([0-9a-f]{{{_SEAL_DIGITS}}}){re.escape(SUFFIX)}", re.DOTALL)


def sealed(segment: Segment, key: bytes) -> Segment:
    """Return a segment under a key that ends with its seal."""
    seal = _seal(segment.body, segment.key, key)
    name = segment.key.removesuffix(SUFFIX)
    return Segment(key=f"{name}-s{seal}{SUFFIX}", body=segment.body, records=segment.records)


def is_sealed(name: str) -> bool:
    """Return whether a segment's key ends with a seal; versions before 0.2 made none."""
    return _SEALED.fullmatch(name) is not None


def is_genuine(name: str, body: bytes, key: bytes) -> bool:
    """Return whether a segment's seal is of this content, in this hour's folder, and made with the key.

    Args:
        name: the segment's key.
        body: its content.
        key: of the keyed hashes.
    """
    sealed_name = _SEALED.fullmatch(name)
    return sealed_name is not None and hmac.compare_digest(_seal(body, name, key), sealed_name[1])


def _seal(body: bytes, name: str, key: bytes) -> str:
    # The hour is sealed too, so that a segment cannot be copied into another one; the log may be anywhere.
    hour = "/".join(name.split("/")[-3:-1])
    return hmac.new(key, hour.encode() + b"\0" + body, hashlib.sha256).hexdigest()[:_SEAL_DIGITS]
