"""Where models are stored: the folder that is deployed, or the bucket that the analyzer reads from."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_PREFIX
from fraudstream.detection.models.model import Model, ModelError, load
from fraudstream.detection.models.selection import ActiveModels, ModelSelection, load_models, parse_selection
from fraudstream.reporting.storage.object_store import BucketStore, FolderStore, Store
from fraudstream_tools.lab.training.storage.model_card import model_card
from fraudstream_tools.whole_files import whole_file, write_whole

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


@dataclass(frozen=True)
class ModelStorage:
    """Where models are stored, with the file that names the active ones."""

    store: Store
    prefix: str = ""
    """Prefix of the keys of all files."""
    models_folder: str = ""
    """Part of the keys of the models' own files, after the prefix."""

    def read(self, name: str) -> bytes | None:
        """Read a file; None if there is none."""
        return self.store.read(self._key(name))

    def write(self, name: str, content: bytes) -> None:
        """Write a file: whoever reads it meanwhile sees the old one or the whole new one."""
        self.store.write(self._key(name), content)

    def _key(self, name: str) -> str:
        return self.prefix + (name if name == MODELS_FILE else self.models_folder + name)


def model_folder(path: Path) -> ModelStorage:
    """Return a folder as a place for models, such as `models/` of the repository."""
    return ModelStorage(FolderStore(path))


def model_bucket(s3: "S3Client", bucket: str) -> ModelStorage:
    """Return the part of the stack's bucket that the analyzer looks at once a minute."""
    return ModelStorage(BucketStore(s3, bucket), RULESET_PREFIX, MODELS_FOLDER)


def read_selection(storage: ModelStorage) -> ModelSelection:
    """Return the names of the active models; none if no selection is stored.

    Raises:
        ModelError: the stored selection cannot be used.
    """
    content = storage.read(MODELS_FILE)
    return ModelSelection() if content is None else parse_selection(content)


def read_models(storage: ModelStorage) -> ActiveModels:
    """Load the active models.

    Raises:
        ModelError: one of them cannot be used, or is not there.
    """

    def read(name: str) -> bytes:
        content = storage.read(name)
        if content is None:
            raise ModelError("it is not there")
        return content

    return load_models(read_selection(storage), read)


def activate(storage: ModelStorage, model: Model, *, live: bool) -> ModelSelection:
    """Make a model the live one or the shadow one; a shadow model that goes live is no shadow any more.

    The file that names it is written last, so that nobody looks for a model that is not there yet.

    Raises:
        ModelError: the stored selection of active models cannot be used.
    """
    after = chosen_with(read_selection(storage), model, live=live)
    write_files(storage, model)
    storage.write(MODELS_FILE, selection_file(after))
    return after


def write_files(storage: ModelStorage, model: Model) -> None:
    """Write a model and its card, which nothing names yet."""
    storage.write(file_name(model), model.to_json())
    storage.write(f"{model.version}.md", model_card(model).encode())


def file_name(model: Model) -> str:
    """Return the name of a model's file in a place for models."""
    return f"{model.version}.json"


def chosen_with(before: ModelSelection, model: Model, *, live: bool) -> ModelSelection:
    """Return the names of the active models after one has become the live one or the shadow one."""
    name = file_name(model)
    if not live:
        return msgspec.structs.replace(before, shadow=name)
    return msgspec.structs.replace(before, live=name, shadow=None if before.shadow == name else before.shadow)


def selection_file(chosen: ModelSelection) -> bytes:
    """Return the content of the file that names the active models."""
    return _HEAD.format(live=chosen.live or "null", shadow=chosen.shadow or "null").encode()


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


def card_path(path: Path) -> Path:
    """Return where a model's card is written; only the ending `.json` gives way, since names may have points."""
    return path.with_suffix(".md") if path.suffix == ".json" else path.with_name(f"{path.name}.md")


def write_model(path: Path, model: Model) -> Path:
    """Write a model's file, and beside it its card; return the card's path.

    Raises:
        OSError: one of them cannot be written.
    """
    card = card_path(path)
    with whole_file(path) as new:
        new.write_bytes(model.to_json())
        write_whole(card, model_card(model))
    return card
