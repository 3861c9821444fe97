"""A log on a full disk: whoever writes to it goes on, and it is known that lines are lost."""

import errno
from pathlib import Path

from embedded_aws.log_file import AppendedLog

FULL = Path("/dev/full")


def test_a_full_disk_costs_the_lines_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "function.log"
    file.symlink_to(FULL)
    log = AppendedLog(file)
    log.write(b"START\n")
    assert log.lost is not None
    assert (log.lost.errno, log.lost.filename) == (errno.ENOSPC, str(file))
    log.close()


def test_what_can_be_written_is_not_lost(tmp_path: Path) -> None:
    log = AppendedLog(tmp_path / "function.log")
    log.write(b"START\n")
    log.close()
    log.write(b"END\n")
    assert log.lost is None
    assert (tmp_path / "function.log").read_bytes() == b"START\n"
