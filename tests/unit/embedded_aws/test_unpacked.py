"""Packages stay unpacked as long as a cloud runs, and until the next one that needs others."""

import shutil
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

from embedded_aws.unpacked import kept_packages


def archive(folder: Path, code: str) -> Path:
    path = folder / "function.zip"
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("app.py", code)
    return path


def test_the_next_cloud_finds_what_was_unpacked(tmp_path: Path) -> None:
    source, folder = archive(tmp_path, "a = 1"), tmp_path / "unpacked"
    with kept_packages(folder) as packages:
        first = packages.unpack(source)
    (first / "seen").touch()
    with kept_packages(folder) as packages:
        second = packages.unpack(source)
    assert (second / "app.py").read_text() == "a = 1"
    assert (second / "seen").exists()


def test_what_nobody_uses_any_more_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with kept_packages(folder) as packages:
        before = packages.unpack(archive(tmp_path, "a = 1"))
    (folder / "unpacking-of-one-that-was-killed").mkdir()
    with kept_packages(folder) as packages:
        now = packages.unpack(archive(tmp_path, "a = 2"))
        assert before.exists()
    assert [each for each in folder.iterdir() if each.is_dir()] == [now]


def test_what_another_cloud_may_still_use_stays(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with kept_packages(folder) as others:
        before = others.unpack(archive(tmp_path, "a = 1"))
        with kept_packages(folder) as packages:
            packages.unpack(archive(tmp_path, "a = 2"))
        assert (before / "app.py").exists()


def test_a_package_that_breaks_off_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    source = archive(tmp_path, "a = 1")
    content = source.read_bytes()
    source.write_bytes(content.replace(b"a = 1", b"a = 7", 1))
    with kept_packages(tmp_path / "unpacked") as packages:
        for _ in range(2):
            with pytest.raises(zipfile.BadZipFile):
                packages.unpack(source)


def test_a_removal_that_breaks_off_leaves_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "unpacked"
    with kept_packages(folder) as packages:
        before = packages.unpack(archive(tmp_path, "a = 1"))
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), kept_packages(folder) as packages:
            packages.remove_unused()
    assert not before.exists()
    with kept_packages(folder):
        pass
    assert [each.name for each in folder.iterdir()] == [".lock"]
