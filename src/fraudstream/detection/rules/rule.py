"""A rule and the thresholds, as they are written in a ruleset's file."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec

from fraudstream.transactions.decisions.decision import Verdict

ID_PATTERN: Final = r"^[a-z][a-z0-9-]{0,47}\Z"
MAX_PARAMETERS: Final = 20


class Severity(StrEnum):
    """How bad it is if the rule is right."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Mode(StrEnum):
    """Whether a rule's hits count."""

    LIVE = "live"
    SHADOW = "shadow"
    """Evaluated and logged, never counted."""


class Signal(StrEnum):
    """What transaction monitoring has to look at, by article 2(2) of the PSD2 RTS, Regulation (EU) 2018/389."""

    COMPROMISED_ELEMENTS = "a"
    """Lists of compromised or stolen authentication elements."""
    AMOUNT = "b"
    """The amount of each payment transaction."""
    FRAUD_SCENARIOS = "c"
    """Known fraud scenarios in the provision of payment services."""
    MALWARE = "d"
    """Signs of malware infection in any session of the authentication procedure."""
    DEVICE_USE = "e"
    """Abnormal use of the access device or software, and the log of its use."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One rule as it is written in the file."""

    id: Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
    description: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    when: str
    points: Annotated[float, msgspec.Meta(ge=-20, le=20)] | None = None
    """What a hit adds to the log-odds of fraud."""
    decision: Verdict | None = None
    """What a hit decides, whatever the score."""
    reason_code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]{0,47}\Z")]
    severity: Severity
    mode: Mode = Mode.LIVE
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    """Where pattern and default thresholds come from; `own` where there is nothing to cite."""
    family: Annotated[str, msgspec.Meta(pattern=ID_PATTERN)] | None = None
    """What sign of fraud it looks at, together with others; required with points from schema 2 on."""
    proven_precision: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """Lower end of the 95 % interval of the share of its hits that were fraud, where that was measured."""
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    """Share of the customers for whom a live rule counts; for the others its hits are logged as of a shadow rule."""
    signal: Signal | None = None
    """The PSD2 signal that it serves, where one fits."""
    parameters: Annotated[dict[str, float | str | list[float | str]], msgspec.Meta(max_length=MAX_PARAMETERS)] = {}


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores from which on a transaction is reviewed or declined."""

    review: Annotated[int, msgspec.Meta(ge=1, le=100)]
    decline: Annotated[int, msgspec.Meta(ge=1, le=101)]
    """101: the score alone never declines."""
