"""A log of a function or a gateway, which go on where it cannot be written, as on AWS."""

from pathlib import Path


class AppendedLog:
    """A file to which lines are appended.

    Attributes:
        lost: why lines were lost, if some were.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost: OSError | None = None
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append whole lines, or note why they are lost."""
        if self._file.closed:
            return
        try:
            self._file.write(data)
        except OSError as error:
            self.lost = OSError(error.errno, error.strerror, str(self.path))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
