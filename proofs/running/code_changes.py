"""Faults in the code of deployed functions, put back before any function has started."""

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

    def apply(self, cloud: LocalCloud) -> None:
        """Change the unpacked package of each function.

        Raises:
            LookupError: the line is not there exactly once: the code is another one by now.
        """
        changed = 0
        for folder in (cloud.log_file("").parents[2] / "packages").iterdir():
            file = folder / "fraudstream" / self.module
            text = file.read_text(encoding="utf-8")
            if text.count(self.line) != 1:
                raise LookupError(f"{self.module} has no such line, or several: {self.line.strip()}")
            file.write_text(text.replace(self.line, self.instead), encoding="utf-8")
            _forget_bytecode(file)
            changed += 1
        if not changed:
            raise LookupError("no function has a package that can be changed")


def _forget_bytecode(file: Path) -> None:
    # It would be taken as it is: its source is not compared with it.
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()
