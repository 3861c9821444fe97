"""The page on the lab names every shipped map and every key of a map, and its example is a map."""

import re
from pathlib import Path

from fraudstream_tools.lab.files.mapping.file_map import read_map, shipped_maps
from fraudstream_tools.lab.files.mapping.sources import AmountSource, NumberSource, Source, TimeSource, TypeSource
from fraudstream_tools.lab.files.tables.delimited import TableLayout

DOCUMENT = (Path(__file__).parents[3] / "docs" / "lab.md").read_text("utf-8")
SECTION = DOCUMENT[DOCUMENT.index("### Maps") : DOCUMENT.index("## Labels from a file")]


def keys(table: str) -> set[str]:
    rows = re.findall(r"^\| (`[^|]+`) \|", SECTION[SECTION.index(table) :].partition("\n\n")[0], flags=re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([\w-]+)`", row)}


def test_every_shipped_map_is_named() -> None:
    assert keys("| map | for |") == set(shipped_maps())


def test_every_key_of_a_field_is_documented() -> None:
    types = (Source, AmountSource, NumberSource, TimeSource, TypeSource)
    assert keys("| key of a field |") == {key for type_ in types for key in type_.__struct_encode_fields__}


def test_every_key_of_a_file_is_documented() -> None:
    assert keys("| key of `file` |") - {"file"} == set(TableLayout.__dataclass_fields__)


def test_the_example_is_a_map() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", SECTION, flags=re.DOTALL)
    assert read_map(example.encode(), "example").fields
