"""Ids of rules, in the small form in which a stored decision lists those that could not be judged.

Of most transactions several rules cannot be judged, for want of a field, and their ids would be an eighth of the item.
The form is one byte, 1, and the ids, one a line, as raw deflate (RFC 1951) with a dictionary of words that ids of rules
are often made of. The dictionary is a part of form 1: it never changes.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

_FORM: Final = 1
_WINDOW_BITS: Final = -15
"""Negative: without zlib's head and checksum."""
_LARGEST: Final = 100_000
"""Bytes of ids: a ruleset's take less."""
_WORDS: Final = (
    b"abnormal\nabuse\naccess\nactivity\naged\nanonymous\nany\nbalance\nbank\nbeneficiary\nbin\nblacklist\nblocked\n"
    b"bonus\nbrowser\nbust-out\ncanary\ncash\nchargeback\ncity\nclosed\ncoupon\ncrypto\ncurrency\ncvv\ndaily\ndata\n"
    b"day\nday-2\ndelivery\ndenied\ndepth\ndifferent\ndisposable\ndistance\ndomain\nemail\nerror\nevening\nfailed\n"
    b"fallback\nfar-away\nfast\nfast-out\nfirst\nforeign\nfriendly\ngambling\ngeo\ngift-card\nhour\nhours\nidentity\n"
    b"in-and-out\ninactive\ninflow\nip\nkey\nlanguage\nlarge\nlast\nlate\nlimit\nlist\nlocation\nlogin\nlong\nlow\n"
    b"magstripe\nmanual\nmass\nmax\nmin\nminors\nmoney-laundering\nmule\nname\nnear-threshold\nnetwork\nnight\nnone\n"
    b"odd-hours\noutflow\noutlier\nover\npassword\npayee\npayout\nper\nperson\nphone\npin\nplace\nprepaid\nprofile\n"
    b"promo\nproxy\nquick\nrare\nrate\nratio\nrecent\nreferral\nrefund\nregion\nremote\nrepeat\nreset\nretry-limit\n"
    b"risk\nround-amount\nsanctions\nscam\nscore\nsession\nshared\nshipping\nsim-swap\nsmall\nsocial\nspeed\nspending\n"
    b"spike\nsplit\nstolen\nstructuring\nsum\nsuspicious\nsynthetic\nteam\nthreshold\ntime\ntopup\ntor\ntotal\n"
    b"transfer\ntrusted\nunder\nunknown\nunusual\nuser\nvalue\nvelocity\nverification\nvpn\nwatch\nweek\nweekend\n"
    b"withdrawal\nwithin\nworld\nwrong\nzip\nmany-merchants\nmany-merchants-week\nmerchant-enumeration\n"
    b"compromised-merchant\ncompromised-terminal\naccount-takeover\ndormant-account\nimpossible-travel\nhigh-amount\n"
    b"amount-outlier\ncard-burst\ncard-velocity\ncustomer-velocity\ncountry-mismatch\nnew-device-high-amount\n"
    b"card-testing-device\ncard-testing-address\nfraudsters-device\nknown-fraud\nduplicate-payment\n"
    b"duplicate-payment-minutes\n"
)
"""Those that rules of most stacks have come last: what is near is written in fewer bits."""


@lru_cache(maxsize=4096)
def pack(ids: tuple[str, ...]) -> bytes:
    """Return the stored form. Which ids come together depends on what fields transactions lack: a few hundred times."""
    deflate = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, _WINDOW_BITS, zdict=_WORDS)
    return bytes((_FORM,)) + deflate.compress("\n".join(ids).encode()) + deflate.flush()


@lru_cache(maxsize=4096)
def unpack(packed: bytes) -> Sequence[str]:
    """Read the stored form; none of what a newer version wrote in another one.

    Raises:
        ValueError: it is damaged.
    """
    if packed[:1] > bytes((_FORM,)):
        return ()
    inflate = zlib.decompressobj(_WINDOW_BITS, zdict=_WORDS)
    try:
        text = inflate.decompress(packed[1:], _LARGEST)
    except zlib.error:
        raise ValueError("ids of rules are damaged") from None
    if packed[:1] != bytes((_FORM,)) or not inflate.eof:
        raise ValueError("ids of rules are damaged")
    return tuple(text.decode().split("\n"))
