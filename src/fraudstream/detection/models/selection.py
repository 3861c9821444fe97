"""Which models score: one that counts, one that is watched beside it, both, or none.

A small YAML file says which; it is beside the models' own files, and changes after them. So what is active changes
at once, and a file that is missing or damaged leaves active what was so before.
"""

from collections.abc import Callable
from typing import Annotated, Final, NamedTuple

import msgspec

from fraudstream.contract import MODELS_FILE
from fraudstream.detection.models.model import Model, ModelError, load
from fraudstream.detection.rules import strict_yaml

MAX_BYTES: Final = 10_000
MAX_VALUES: Final = 20

FileName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,59}\.json\Z")]


class ModelSelection(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the file says."""

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    live: FileName | None = None
    """The file of the model that takes part in decisions; without one, rules decide alone."""
    shadow: FileName | None = None
    """The file of a model that is scored and logged beside it, and never counts."""


_KEYS: Final = tuple(field.encode_name for field in msgspec.structs.fields(ModelSelection))


class ActiveModels(NamedTuple):
    """The active models."""

    live: Model | None = None
    shadow: Model | None = None


NO_MODELS: Final = ActiveModels()


def parse_selection(content: bytes) -> ModelSelection:
    """Read the file that says which models are active.

    Raises:
        ModelError: it cannot be used.
    """
    try:
        document = strict_yaml.read(content, most_bytes=MAX_BYTES, most_values=MAX_VALUES)
        return strict_yaml.convert(document.value, ModelSelection, _KEYS)
    except strict_yaml.DocumentError as error:
        raise ModelError(f"{MODELS_FILE}: {error}") from None


def model_names(chosen: ModelSelection) -> list[str]:
    """Return the names of the chosen models' files, the live one's first; each once."""
    return list(dict.fromkeys(name for name in (chosen.live, chosen.shadow) if name))


def load_models(chosen: ModelSelection, read: Callable[[str], bytes]) -> ActiveModels:
    """Load the models that were chosen.

    Args:
        chosen: which ones.
        read: gives the content of a model's file by its name.

    Raises:
        ModelError: one of them cannot be used, or would decide without having seen a label of the user's own.
    """
    loaded = {name: _named(name, read) for name in model_names(chosen)}
    live = loaded[chosen.live] if chosen.live else None
    if live and not live.file.own_labels:
        raise ModelError(f"{chosen.live}: it never learnt from labels of your own, so it can only be a shadow model")
    return ActiveModels(live, loaded[chosen.shadow] if chosen.shadow else None)


def _named(name: str, read: Callable[[str], bytes]) -> Model:
    try:
        return load(read(name))
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None
