"""Where models lie: the folder that is deployed, or the bucket that the analyzer reads from."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_PREFIX
from fraudstream.detection.models.model import Model, ModelError, load
from fraudstream.detection.models.selection import ActiveModels, ModelSelection, load_models, parse_selection
from fraudstream_tools.lab.training.model_card import model_card

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HEAD: Final = """\
# Which models score transactions: `fraudstream promote` writes this file; the deployment uploads it with the models.
schemaVersion: 1
# The model that takes part in decisions, beside the rules; null: rules decide alone.
live: {live}
# A model that is scored and logged beside it, and never counts.
shadow: {shadow}
"""


class ModelStorage(Protocol):
    """A place where models and the file that says which are in force lie."""

    def read(self, name: str) -> bytes | None:
        """Read a file; None if there is none."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file: whoever reads it meanwhile sees it as it was or as it will be."""
        ...


class Folder:
    """A folder, such as `models/` of the checkout."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes | None:
        """Read a file; None if there is none."""
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        self._path.mkdir(parents=True, exist_ok=True)
        partial = self._path / f".{name}.partial"
        partial.write_bytes(content)
        partial.replace(self._path / name)


class Bucket:
    """The part of the stack's bucket that the analyzer looks at once a minute."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def read(self, name: str) -> bytes | None:
        """Read a file; None if there is none."""
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=_key(name))["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        self._s3.put_object(Bucket=self._bucket, Key=_key(name), Body=content)


def read_selection(place: ModelStorage) -> ModelSelection:
    """Return the names of the models in force; none where nothing says which.

    Raises:
        ModelError: what says it cannot be used.
    """
    content = place.read(MODELS_FILE)
    return ModelSelection() if content is None else parse_selection(content)


def read_models(place: ModelStorage) -> ActiveModels:
    """Load the models in force.

    Raises:
        ModelError: one of them cannot be used, or is not there.
    """

    def read(name: str) -> bytes:
        content = place.read(name)
        if content is None:
            raise ModelError("it is not there")
        return content

    return load_models(read_selection(place), read)


def activate(place: ModelStorage, model: Model, *, live: bool) -> ModelSelection:
    """Build a model the live one or the shadow one; a shadow model that goes live is no shadow any more.

    The file that names it is written last, so that nobody looks for a model that is not there yet.

    Raises:
        ModelError: what says which models are in force cannot be used.
    """
    before = read_selection(place)
    name = f"{model.version}.json"
    place.write(name, model.to_json())
    place.write(f"{model.version}.md", model_card(model).encode())
    if live:
        after = msgspec.structs.replace(before, live=name, shadow=None if before.shadow == name else before.shadow)
    else:
        after = msgspec.structs.replace(before, shadow=name)
    place.write(MODELS_FILE, _HEAD.format(live=after.live or "null", shadow=after.shadow or "null").encode())
    return after


def read_model(path: Path) -> Model:
    """Read a model's file.

    Raises:
        ModelError: it is not there, or cannot be used.
    """
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def write_model(path: Path, model: Model) -> Path:
    """Write a model's file, and beside it its card; return the card's path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.to_json())
    card = path.with_suffix(".md")
    card.write_text(model_card(model), encoding="utf-8")
    return card


def _key(name: str) -> str:
    return RULESET_PREFIX + (name if name == MODELS_FILE else MODELS_FOLDER + name)
