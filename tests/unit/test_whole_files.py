"""What commands write is whole, or is not there: a full disk or Ctrl-C leaves what was there before."""

import ast
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from fraudstream_tools.lab.files.mapping import secret_tokens
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.tables.formats import FORMATS
from fraudstream_tools.lab.files.writing import write_columns, write_rows, write_together
from fraudstream_tools.lab.training.storage.model_storage import write_model
from fraudstream_tools.whole_files import whole_file, write_whole
from proofs.disk.experiment import largest_file
from tests.cli_harness import CHECKOUT, Command, clean_environment
from tests.unit.detection.model_harness import small_model

TOOLS: Final = CHECKOUT / "src" / "fraudstream_tools"
RULES: Final = CHECKOUT / "rules"
EARLIER: Final = "what was there before"
ROWS: Final[list[dict[str, Any]]] = [
    {
        "transactionId": f"t-{n}",
        "timestamp": 1_767_600_000_000 + n,
        "amountMinor": n * n,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": "c-1",
    }
    for n in range(3000)
]
OTHER_WAYS: Final = {
    "whole_files.py": "is the way",
    "lab/files/writing.py": "writes where whole_file says",
    "lab/training/storage/model_storage.py": "writes where whole_file says",
    "lab/files/mapping/secret_tokens.py": "makes a key that is there once, or takes it away again",
    "cli/local_system/local.py": "what it leaves is removed when the system ends, or cannot be written",
    "operations/recovery/entity_rows.py": "rows of a run, which are counted when it goes on",
    "analytics/log_copy.py": "copies files to a new name first; a broken note is left out",
}
"""Modules that write files by themselves, and why they may."""


def left_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(errors="replace") for path in folder.rglob("*")}


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("was_there", [True, False])
def test_rows_that_find_no_room_leave_what_was_there(tmp_path: Path, ending: str, *, was_there: bool) -> None:
    file = tmp_path / f"day{ending}"
    if was_there:
        file.write_text(EARLIER)
    with (
        largest_file(1000),
        pytest.raises(FileProblemError, match=rf"day{ending}: cannot be written: .*File too large"),
    ):
        write_rows(file, ROWS)
    assert left_in(tmp_path) == ({file.name: EARLIER} if was_there else {})


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_that_finds_no_room_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"table{ending}"
    file.write_text(EARLIER)
    with largest_file(1000), pytest.raises(FileProblemError, match=r"cannot be written: .*File too large"):
        write_columns(file, {"amount": np.arange(3000)})
    assert left_in(tmp_path) == {file.name: EARLIER}


def test_a_truth_that_finds_no_room_leaves_the_world_it_belongs_to(tmp_path: Path) -> None:
    world, truth = tmp_path / "day.jsonl", tmp_path / "day.truth.jsonl"
    world.write_text(EARLIER)
    truth.write_text(EARLIER)
    with largest_file(1000), pytest.raises(FileProblemError, match=r"day\.truth\.jsonl: cannot be written"):
        write_together({world: ROWS[:3], truth: ROWS})
    assert left_in(tmp_path) == {world.name: EARLIER, truth.name: EARLIER}


def test_a_model_without_room_for_it_leaves_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text(EARLIER)
    with largest_file(100), pytest.raises(OSError, match="File too large") as failed:
        write_model(file, small_model())
    assert failed.value.filename == str(file)
    assert left_in(tmp_path) == {file.name: EARLIER}


def test_a_model_is_not_changed_without_its_card(tmp_path: Path) -> None:
    file, card = tmp_path / "m.json", tmp_path / "m.md"
    file.write_text(EARLIER)
    card.mkdir()
    with pytest.raises(IsADirectoryError):
        write_model(file, small_model())
    assert file.read_text() == EARLIER


def test_a_key_that_finds_no_room_is_made_when_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with largest_file(0), pytest.raises(FileProblemError, match="the key of tokens cannot be made: File too large"):
        secret_tokens.token("card", "4111")
    assert secret_tokens.token("card", "4111") == secret_tokens.token("card", "4111")


def interrupted(path: Path) -> None:
    with whole_file(path) as new:
        new.write_text("the first half")
        raise KeyboardInterrupt


def refused(path: Path) -> None:
    with largest_file(10):
        write_whole(path, EARLIER * 2)


@pytest.mark.parametrize(("how", "raised"), [(interrupted, KeyboardInterrupt), (refused, OSError)])
def test_what_is_broken_off_leaves_no_file(
    tmp_path: Path, how: Callable[[Path], None], raised: type[BaseException]
) -> None:
    with pytest.raises(raised):
        how(tmp_path / "new.txt")
    assert left_in(tmp_path) == {}


def test_a_link_stays_one_and_permissions_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "file.txt", tmp_path / "link.txt"
    file.write_text(EARLIER)
    file.chmod(0o640)
    link.symlink_to(file)
    write_whole(link, "new\n")
    assert link.is_symlink()
    assert file.read_text() == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_new_file_has_the_usual_permissions_and_its_folder_is_made(tmp_path: Path) -> None:
    usual = tmp_path / "usual.txt"
    usual.touch()
    write_whole(tmp_path / "a" / "b" / "new.txt", b"new")
    assert (tmp_path / "a" / "b" / "new.txt").stat().st_mode == usual.stat().st_mode


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    write_whole(pipe, "told\n")
    reader.join()
    assert heard == ["told\n"]
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    "command",
    [
        "simulate --customers 40 --days 1 --output kept.csv",
        "simulate --world handbook --customers 40 --terminals 40 --days 1 --output kept.csv",
        f"backtest --rules {RULES} --against {RULES} --data day.csv --changes kept.csv",
        "report --log log --date 2026-01-05 --output kept.csv",
        "openapi --output kept.csv",
    ],
)
def test_a_command_takes_away_no_earlier_file_before_the_new_one_is_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    clean_environment(monkeypatch)
    Path("log/segments/date=2026-01-05").mkdir(parents=True)
    write_rows(Path("day.csv"), ROWS[:3])
    kept, same = Path("kept.csv"), Path("same.csv")
    kept.write_text(EARLIER)
    # The same file by another name: what is written over an earlier file shows there.
    same.hardlink_to(kept)
    ran = Command(capsys)(*command.split())
    assert ran.code == 0, ran.err
    assert kept.read_text() != EARLIER
    assert same.read_text() == EARLIER


def writes(source: str) -> bool:
    """Return whether some code writes a file by itself."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        modes = {each for each in given if set(each) <= set("rwaxbt+") and set(each) & set("wax")}
        if name in {"write_text", "write_bytes"} or (name in {"open", "fdopen"} and modes):
            return True
    return False


def test_no_command_writes_a_file_in_another_way() -> None:
    found = {str(path.relative_to(TOOLS)) for path in TOOLS.rglob("*.py") if writes(path.read_text())}
    assert found == set(OTHER_WAYS)
