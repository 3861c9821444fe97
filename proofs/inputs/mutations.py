"""Faults of readers, put back one at a time."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final
from unittest import mock

from fraudstream.detection.features import codec as vectors
from fraudstream.detection.models import model
from fraudstream.detection.profiles import codec as profiles
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.rules.language import checker
from fraudstream.reporting.log import segments
from fraudstream.transactions.api import validation


@dataclass(frozen=True)
class ReaderMutation:
    """A fault, and the reader that has it."""

    reader: str
    put_back: Callable[[], AbstractContextManager[object]]


def _changed(target: object, name: str, value: object) -> Callable[[], AbstractContextManager[object]]:
    return partial(mock.patch.object, target, name, value)


def _nothing_is_wrong(*_: object) -> None:
    return None


class _OtherError(Exception):
    """An error that nobody expects."""


MUTATIONS: Final[Mapping[str, ReaderMutation]] = {
    "a refusal shows the name that a client made up": ReaderMutation(
        "the body of a request", _changed(validation, "_shown", str)
    ),
    "a request may be nested as deep as it likes": ReaderMutation(
        "the body of a request", _changed(validation, "_MAX_DEPTH", 10**9)
    ),
    "numbers too long for any field are read": ReaderMutation(
        "the body of a request", _changed(validation, "_integer", int)
    ),
    "a key of a file is repeated whatever it is": ReaderMutation(
        "a ruleset", _changed(strict_yaml, "_KEY", strict_yaml.re.compile(r"(?s).*"))
    ),
    "a text that a field never has is repeated": ReaderMutation(
        "a rule's expression", _changed(checker, "shown_key", str)
    ),
    "a model's trees are not checked": ReaderMutation(
        "a model that somebody made", _changed(model.trees, "check", _nothing_is_wrong)
    ),
    "a damaged profile ends the function": ReaderMutation(
        "a stored profile", _changed(profiles, "DamagedProfileError", _OtherError)
    ),
    "a damaged vector ends the function": ReaderMutation(
        "a stored vector", _changed(vectors, "FeatureError", _OtherError)
    ),
    "a record that cannot be read ends the batch": ReaderMutation(
        "a stream record, by the writer of the log", _changed(segments, "PoisonRecordError", _OtherError)
    ),
}
"""By what they do."""
