"""Loads parliament, the linter of IAM policies.

Parliament finds its data by `pkg_resources`, which setuptools no longer ships; so that one function stands in for it.
"""

import sys
import types
import warnings
from importlib import import_module, resources
from typing import Any


def _resource_filename(package: str, name: str) -> str:
    return str(resources.files(package) / name)


def load() -> Any:
    """The parliament module."""
    stand_in = types.ModuleType("pkg_resources")
    vars(stand_in)["resource_filename"] = _resource_filename
    before = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = stand_in
    try:
        with warnings.catch_warnings():
            # It leaves its data files open, and its parser's patterns are written in an old way.
            warnings.simplefilter("ignore")
            return import_module("parliament")
    finally:
        del sys.modules["pkg_resources"]
        if before is not None:
            sys.modules["pkg_resources"] = before
