"""A function's log: what its processes print, and the platform's own lines around it."""

import os

from embedded_aws.log_file import AppendedLog


class OutputPipe:
    """The pipe into which one process prints. Only whole lines leave it, so that processes don't cut each other's."""

    def __init__(self, log: AppendedLog) -> None:
        self._log = log
        self._rest = b""
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)

    def drain(self) -> bool:
        """Move what has been printed so far to the log.

        Returns:
            Whether more can come.
        """
        while self.reading >= 0:
            try:
                data = os.read(self.reading, 65536)
            except BlockingIOError:
                return True
            if not data:
                self.flush()
                return False
            lines, newline, rest = data.rpartition(b"\n")
            if newline:
                self._log.write(self._rest + lines + newline)
                self._rest = rest
            else:
                self._rest += rest
        return False

    def flush(self) -> None:
        """End a line that was left open."""
        if self._rest:
            self._log.write(self._rest + b"\n")
            self._rest = b""

    def close_writing(self) -> None:
        """Leave the writing end to the process."""
        os.close(self.writing)

    def close(self) -> None:
        """Close the reading end; safe to repeat."""
        if self.reading >= 0:
            os.close(self.reading)
            self.reading = -1
