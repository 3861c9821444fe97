"""What Pulumi programs that fail leave behind."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_in_silence() -> Iterator[None]:
    """Collect the coroutines that a stopped program leaves: Python would complain in whichever test runs then."""
    before, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
        gc.collect()
    finally:
        sys.unraisablehook = before
