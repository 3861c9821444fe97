"""Faults in the code of deployed functions, put back before any function has started."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded_aws.cloud import LocalCloud


@dataclass(frozen=True)
class CodeChange:
    """A line of a function's code, and what stands in its place."""

    module: str
    """Its path below `src/fraudstream`."""
    line: str
    instead: str

    @contextmanager
    def applied(self, cloud: LocalCloud) -> Generator[None]:
        """Change the code for one block; what runs already keeps what it has read.

        Raises:
            LookupError: the line is not there exactly once: the code is another one by now.
        """
        before = {file: file.read_text(encoding="utf-8") for file in self._files(cloud)}
        self.apply(cloud)
        try:
            yield
        finally:
            for file, text in before.items():
                file.write_text(text, encoding="utf-8")
                _forget_bytecode(file)

    def _files(self, cloud: LocalCloud) -> list[Path]:
        folders = (cloud.log_file("").parents[2] / "packages").iterdir()
        return [folder / "fraudstream" / self.module for folder in folders]

    def apply(self, cloud: LocalCloud) -> None:
        """Change the unpacked package of each function.

        Raises:
            LookupError: the line is not there exactly once: the code is another one by now.
        """
        files = self._files(cloud)
        for file in files:
            text = file.read_text(encoding="utf-8")
            if text.count(self.line) != 1:
                raise LookupError(f"{self.module} has no such line, or several: {self.line.strip()}")
            file.write_text(text.replace(self.line, self.instead), encoding="utf-8")
            _forget_bytecode(file)
        if not files:
            raise LookupError("no function has a package that can be changed")


def _forget_bytecode(file: Path) -> None:
    # It would be taken as it is: its source is not compared with it.
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()
