"""The values that clients send in place of an identifier: from their file into the transaction processor's settings."""

from pathlib import Path
from typing import cast

import yaml

from infra.setting_reader import StackSettingsError

PLACEHOLDERS = Path(__file__).resolve().parents[2] / "rules" / "placeholders.yaml"
_LONGEST = 128
"""Characters of an identifier."""
LONGEST_LIST = 2000
"""Bytes of all values: the variables of a function have 4 KB together."""


def read_placeholders(file: Path = PLACEHOLDERS) -> str:
    """Return the values of the file, in small letters and with commas between.

    Raises:
        StackSettingsError: the file cannot be read, or a value cannot be used; the message says which.
    """
    try:
        content: object = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StackSettingsError(f"{file.name} cannot be read: {error}") from None
    if not isinstance(content, list):
        raise StackSettingsError(f"{file.name} must be a list of texts")
    values = [_value(file, place, value) for place, value in enumerate(cast("list[object]", content), start=1)]
    joined = ",".join(dict.fromkeys(values))
    if len(joined.encode()) > LONGEST_LIST:
        raise StackSettingsError(f"{file.name} is too long: its values may have {LONGEST_LIST} bytes together")
    return joined


def _value(file: Path, place: int, value: object) -> str:
    if not isinstance(value, str):
        raise StackSettingsError(f"{file.name}: entry {place} is no text; put it into quotes")
    text = value.strip().casefold()
    if not text or "," in text or len(text) > _LONGEST or not text.isprintable():
        raise StackSettingsError(f"{file.name}: entry {place} must have 1 to {_LONGEST} characters and no comma")
    return text
