"""What a block leaves behind that is ended again while it cleans up."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import cleanup


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_the_folder_goes_leaves_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: signal.Signals
) -> None:
    remove = shutil.rmtree
    folder = tmp_path / ".local" / "demo"
    before = signal.getsignal(number)
    with cleanup.ended_by_signals(), cleanup.state_folder(folder) as state:
        (state / "file").touch()

        def disturbed(path: Path, **options: Any) -> None:
            os.kill(os.getpid(), number)
            remove(path, **options)

        monkeypatch.setattr(shutil, "rmtree", disturbed)
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) is before
