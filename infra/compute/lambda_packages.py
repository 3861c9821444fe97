"""Builds the functions' packages: from the lock files alone, the same bytes every time, once for each content."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi

from infra.settings import Architecture, PackageTarget

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
UNPACKED = BUILD / "unpacked"
"""Where a machine that plays Lambda unpacks packages."""
SOURCE = ROOT / "src" / "fraudstream"
REQUIREMENTS = ROOT / "requirements"
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""What wheels call the architectures of Lambda."""
GLIBC = {"python3.11": 26, "python3.12": 34, "python3.13": 34}
"""Newest glibc 2.x that each runtime has: Amazon Linux 2 up to Python 3.11, then Amazon Linux 2023."""
OLDEST_GLIBC = 17
SERVICES = ("dynamodb", "s3")
"""What the functions call; the descriptions of all other services are half of botocore's size."""
# The time of every entry: the earliest that a zip can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644


class PackagingError(pulumi.RunError):
    """A package could not be built; the message holds the installer's own words."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The machine that a package is for."""

    kind: PackageTarget
    """`host`: this machine and interpreter, for the embedded AWS."""
    architecture: Architecture
    runtime: str

    def has_bytecode(self) -> bool:
        """Return whether this interpreter's bytecode is that of the target."""
        return self.kind == "host" or self.runtime == f"python{sys.version_info.major}.{sys.version_info.minor}"

    def label(self) -> str:
        """Return the target's name in file names and cache keys."""
        if self.kind == "host":
            return f"host-{sys.platform}-{os.uname().machine}-{sys.implementation.cache_tag}"
        return f"{self.runtime}-{self.architecture}"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A built package."""

    path: Path
    """The zip."""
    sha256: str
    """Base64, as Lambda gives it."""


def build_package(function: str, target: Target, build: Path = BUILD) -> Package:
    """Build a function's package, or take the one that was built of the same content.

    Args:
        function: the function's purpose, which names its lock file, such as `fraud-analyzer`.
        target: the machine that it is for.
        build: folder of what was built.

    Raises:
        PackagingError: a dependency could not be installed, or has no wheel for the target.
    """
    build.mkdir(exist_ok=True)
    lock = REQUIREMENTS / f"{function}.txt"
    recipe = Path(__file__).read_bytes()
    compiled = sys.implementation.cache_tag.encode() if target.has_bytecode() else b""
    locked = _digest([lock.read_bytes(), target.label().encode(), recipe, compiled])
    dependencies = build / f"{function}-{target.label()}-{locked}"
    if not dependencies.is_dir():
        _install(lock, target, dependencies)
    sources = [(f"fraudstream/{path.relative_to(SOURCE).as_posix()}", path) for path in _files(SOURCE)]
    content = [locked.encode(), *(part for name, path in sources for part in (name.encode(), path.read_bytes()))]
    package = build / f"{function}-{target.label()}-{_digest(content)}.zip"
    if not package.is_file():
        entries = [(path.relative_to(dependencies).as_posix(), path) for path in _all_files(dependencies)]
        with tempfile.TemporaryDirectory(dir=build, prefix="source-") as temporary:
            if target.has_bytecode():
                shutil.copytree(SOURCE, Path(temporary) / "fraudstream", ignore=shutil.ignore_patterns("__pycache__"))
                _compile(Path(temporary))
                sources = [(path.relative_to(temporary).as_posix(), path) for path in _all_files(Path(temporary))]
            _zip([*entries, *sources], package)
    digest = hashlib.sha256(package.read_bytes()).digest()
    return Package(path=package, sha256=base64.b64encode(digest).decode())


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # With its length before it, no part can run into the next.
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in _all_files(folder) if "__pycache__" not in path.parts)


def _all_files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _install(lock: Path, target: Target, destination: Path) -> None:
    """Install what a lock file names into a folder that appears at once and whole."""
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix="install-") as temporary:
        folder = Path(temporary) / "package"
        outcome = subprocess.run(_installer(lock, target, folder), capture_output=True, text=True, check=False)
        if outcome.returncode != 0:
            raise PackagingError(f"{lock.name} could not be installed for {target.label()}:\n{outcome.stderr.strip()}")
        _prune(folder)
        if target.has_bytecode():
            _compile(folder)
        try:
            folder.rename(destination)
        except OSError:
            # Someone else built the same in the meantime.
            if not destination.is_dir():
                raise


def _installer(lock: Path, target: Target, folder: Path) -> Sequence[str]:
    common = (
        "install", "--quiet", "--target", str(folder), "--requirement", str(lock),
        "--require-hashes", "--no-deps", "--only-binary", ":all:",
    )  # fmt: skip
    if target.kind == "host":
        # uv installs in a second what pip takes ten for, but it knows no platform between glibc 2.17 and 2.28.
        return (str(Path(sys.executable).with_name("uv")), "pip", *common, "--python", sys.executable)
    machine = MACHINES[target.architecture]
    newest = GLIBC[target.runtime]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, OLDEST_GLIBC - 1, -1)]
    tags = [argument for tag in [*platforms, f"manylinux2014_{machine}"] for argument in ("--platform", tag)]
    version = target.runtime.removeprefix("python")
    return (
        sys.executable, "-m", "pip", *common, *tags, "--implementation", "cp", "--python-version", version,
        "--no-compile", "--disable-pip-version-check", "--no-input",
    )  # fmt: skip


def _prune(folder: Path) -> None:
    """Remove what no function needs: other services' descriptions, scripts, stubs, tests, installers' notes."""
    unneeded = [folder / "bin", folder / "boto3" / "examples", folder / ".lock"]
    for data in (folder / "botocore" / "data", folder / "boto3" / "data"):
        unneeded += [entry for entry in data.iterdir() if entry.is_dir() and entry.name not in SERVICES]
    unneeded += [path for pattern in ("tests", "__pycache__", "*.pyi") for path in folder.rglob(pattern)]
    for info in folder.glob("*.dist-info"):
        # The name, the version and the licences stay.
        kept = {"METADATA", "licenses"}
        unneeded += [
            entry for entry in info.iterdir() if entry.name not in kept and not entry.name.upper().startswith("LICEN")
        ]
    for path in unneeded:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _compile(folder: Path) -> None:
    """Compile all modules, without which a cold start compiles them: nothing can be kept beside a function's code.

    The bytecode is not compared with its source, whose time the zip does not keep.
    """
    subprocess.run(
        [
            sys.executable, "-I", "-m", "compileall", "-q", "-s", str(folder),
            "--invalidation-mode", "unchecked-hash", str(folder),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )  # fmt: skip


def _zip(entries: Iterable[tuple[str, Path]], destination: Path) -> None:
    """Write a zip that depends on names and contents alone, and appears at once and whole."""
    descriptor, temporary = tempfile.mkstemp(dir=destination.parent, prefix="zip-")
    os.close(descriptor)
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, path in sorted(entries):
                entry = zipfile.ZipInfo(name, date_time=EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = FILE_MODE << 16
                archive.writestr(entry, path.read_bytes())
        Path(temporary).replace(destination)
    finally:
        Path(temporary).unlink(missing_ok=True)
