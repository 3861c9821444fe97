"""docs/performance.md is made of the figures that were kept."""

from benchmarks.performance import DOCUMENT, SECTIONS, document, read_results


def test_the_page_says_what_was_measured() -> None:
    assert DOCUMENT.read_text() == document(read_results())


def test_every_benchmark_has_been_measured() -> None:
    assert set(read_results()) == set(SECTIONS)
