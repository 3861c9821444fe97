"""A log file that grows, read bit by bit."""

from pathlib import Path


class LogTail:
    """Remembers how far a log file has been read."""

    def __init__(self, file: Path) -> None:
        """Start at the file's beginning; it need not be there yet."""
        self._file = file
        self._position = 0

    def new_lines(self) -> list[bytes]:
        """Return the whole lines that came since the last call."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as stream:
            stream.seek(self._position)
            new = stream.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._position += len(whole)
        return whole.splitlines()
