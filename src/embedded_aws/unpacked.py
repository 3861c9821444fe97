"""Functions' packages, unpacked once and kept for the next cloud: each has thousands of files."""

import contextlib
import fcntl
import hashlib
import tempfile
import zipfile
from collections.abc import Generator
from pathlib import Path

_LOCK = ".lock"


class UnpackedPackages:
    """A folder with a folder for each content."""

    def __init__(self, folder: Path) -> None:
        """Store where; the folder is made with the first package."""
        self._folder = folder
        self._used: set[Path] = set()

    def unpack(self, archive: Path) -> Path:
        """Return the folder with what a zip file holds, which appears at once and whole.

        Raises:
            OSError: the file cannot be read, or the folder not written.
            BadZipFile: it is no zip file.
        """
        package = self._folder / hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
        self._used.add(package)
        if package.is_dir():
            return package
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="unpacking-") as temporary:
            whole = Path(temporary) / "package"
            whole.mkdir()
            with zipfile.ZipFile(archive) as content:
                content.extractall(whole)
            try:
                whole.rename(package)
            except OSError:
                # Another cloud unpacked the same in the meantime.
                if not package.is_dir():
                    raise
        return package

    def remove_unused(self) -> None:
        """Remove what was unpacked of other contents than those asked for."""
        for each in list(self._folder.iterdir()):
            if each.is_dir() and each not in self._used:
                # Under another name first: what is left of it by a kill must not be taken for a whole package.
                with tempfile.TemporaryDirectory(dir=self._folder, prefix="removing-") as temporary:
                    each.rename(Path(temporary) / "package")


@contextlib.contextmanager
def kept_packages(folder: Path) -> Generator[UnpackedPackages]:
    """Unpack packages into a folder that clouds share; whoever leaves it last removes what it has not used itself."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_SH)
        packages = UnpackedPackages(folder)
        yield packages
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            packages.remove_unused()
