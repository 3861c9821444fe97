"""Files that people write: what of YAML is read, what it means, and everything that is refused."""

import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.detection.rules.strict_yaml import DocumentError, read


def value(text: str | bytes, *, most_bytes: int = 400_000, most_values: int = 1000) -> object:
    content = text if isinstance(text, bytes) else text.encode()
    return read(content, most_bytes=most_bytes, most_values=most_values).value


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("5", 5),
        ("-5", -5),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("null", None),
        ("", None),
        ("NO", "NO"),
        ("yes", "yes"),
        ("05", "05"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("0x10", "0x10"),
        ("2026-01-01", "2026-01-01"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("[a, [1]]", ["a", [1]]),
        ("a: {b: [1, {c: }]}", {"a": {"b": [1, {"c": None}]}}),
        ("a: >-\n  one\n  two", {"a": "one two"}),
        ("{}", {}),
        ("-1e-3", -0.001),
    ],
)
def test_plain_values_mean_what_yaml_1_2_says(text: str, meaning: object) -> None:
    found = value(text)
    assert found == meaning
    assert type(found) is type(meaning)


ATTACKS: dict[str, tuple[str | bytes, str]] = {
    "a huge file": ("a" * 400_001, "larger than 400,000 bytes"),
    "deep flow sequences": ("[" * 399_000, "line 1: it is nested too deeply: at most 8 levels"),
    "deep flow mappings": ("{a: " * 99_000, "nested too deeply"),
    "deep block sequences": ("- " * 199_000, "nested too deeply"),
    "deep block mappings": ("".join(" " * n + "a:\n" for n in range(500)), "nested too deeply"),
    "a ladder of aliases": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "line 1: anchors"),
    "an anchor on a mapping": ("a: &a {b: 1}", "line 1: anchors"),
    "an anchor on a key": ("&a b: 1", "line 1: anchors"),
    "an alias": ("a: *b", "line 1: aliases"),
    "an anchor on itself": ("a: &a [*a]", "line 1: anchors"),
    "a merge key": ("a: 1\nb: {<<: {c: 1}}", "line 2: merge keys"),
    "a duplicate key": ("a: 1\nb: 2\na: 3", "line 3: the key a stands twice: first on line 1"),
    "a duplicate key in quotes": ("a: 1\n'a': 3", "line 2: the key a stands twice"),
    "a duplicate key far below": (
        "x:\n  - b: 1\n    c: 2\n    b: 3",
        "line 4: the key b stands twice: first on line 2",
    ),
    "a python object": ("!!python/object/apply:os.system ['true']", "line 1: tags"),
    "a python name": ("a: !!python/name:os.system", "line 1: tags"),
    "a binary": ("a: !!binary aGVsbG8=", "line 1: tags"),
    "a set": ("a: !!set {b, c}", "line 1: tags"),
    "a tag of one's own": ("a: !b c", "line 1: tags"),
    "a tag on a mapping": ("!m {a: 1}", "line 1: tags"),
    "a tag on a sequence": ("!s [1]", "line 1: tags"),
    "a second document": ("a: 1\n---\nb: 1", "line 2: a second document"),
    "a sequence as a key": ("? [a]\n: 1", "line 1: a key has to be a plain word"),
    "a mapping as a key": ("? {a: 1}\n: 1", "line 1: a key has to be a plain word"),
    "a long key": ("x" * 65 + ": 1", "line 1: a key is longer than 64"),
    "not a number": ("a: .nan", "line 1: infinity and not-a-number"),
    "infinity": ("a: -.Inf", "line 1: infinity and not-a-number"),
    "a number too large": ("a: 1e999", "line 1: a number is too large"),
    "a huge whole number": ("a: " + "9" * 5000, "line 1: a number has more than 32 characters"),
    "a huge fraction": ("a: 0." + "1" * 5000, "line 1: a number has more than 32 characters"),
    "a NUL": ("a: 1\nb: \x00", r"line 2: it is no YAML: the character U\+0000"),
    "an escape sequence": ("a: \x1b[2J", r"line 1: it is no YAML: the character U\+001B"),
    "a right-to-left override": (
        "a: 1\nb: \u202eb",
        r"line 2: the character U\+202E \(right-to-left override\) cannot be seen",
    ),
    "an escaped right-to-left override": ('a: "\\u202Eb"', r"line 1: the character U\+202E"),
    "an escaped terminal sequence": ('a: 1\nb: "\\e[2J"', r"line 2: the character U\+001B"),
    "an escaped zero-width space in a key": ('"a\\u200b": 1', "line 1: .*zero width space"),
    "an escaped tag character": ('a: "\\U000E0041"', "line 1: .*tag latin capital letter a"),
    "a zero-width space": ("a\u200b: 1", "line 1: .*zero width space"),
    "a soft hyphen": ("a: b\u00adc", "soft hyphen"),
    "a filler": ("a: \u1160", "hangul jungseong filler"),
    "an isolate": ("a: \u2066x", "left-to-right isolate"),
    "a byte order mark": ("\ufeffa: 1", "zero width no-break space"),
    "UTF-16": ("a: 1".encode("utf-16"), "line 1: it is no text in UTF-8"),
    "Latin-1": ("a: 1\nb: \u00e9".encode("latin-1"), "line 2: it is no text in UTF-8"),
    "a lone surrogate": (b"a: \xed\xa0\x80", "line 1: it is no text in UTF-8"),
    "too many values": ("[" + "1," * 1000 + "]", "it holds more than 1,000 keys and values"),
    "too many keys": ("".join(f"k{n}: 1\n" for n in range(501)), "line 500: it holds more than 1,000"),
    "a bracket left open": ("a: [1", "line 2: it is no YAML"),
    "a tab for indentation": ("a:\n\tb: 1", "line 2: it is no YAML"),
    "a key without a colon": ("a: 1\nb\nc: 1", "line 3: it is no YAML"),
    "a percent directive": ("%YAML 9.9\n---\na: 1", "line 1: it is no YAML"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_at_once_with_the_line(attack: str) -> None:
    text, message = ATTACKS[attack]
    times: list[float] = []
    for _ in range(3):  # the best of three: a garbage collection may fall into one
        start = time.process_time()
        with pytest.raises(DocumentError, match=message):
            value(text)
        times.append(time.process_time() - start)
    assert min(times) < 0.030


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "[" + "1," * 100_000 + "]"])
def test_no_more_of_a_file_is_read_than_its_bounds_allow(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    parse = yaml.parse

    def counted(*arguments: Any) -> object:
        nonlocal taken
        for event in parse(*arguments):
            taken += 1
            yield event

    monkeypatch.setattr(yaml, "parse", counted)
    with pytest.raises(DocumentError):
        value(text, most_values=500)
    assert taken <= 504


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@,?\n \t<1.~\u202e"), max_size=60))
def test_no_text_at_all_can_break_the_reader(text: str) -> None:
    try:
        value(text)
    except DocumentError as error:
        assert str(error)  # noqa: PT017  (most texts are refused, some are not)


def test_a_message_repeats_no_value_and_no_odd_key() -> None:
    for text in (
        "4111111111111111: 1\n4111111111111111: 2",
        "a: [4111111111111111",
        "4111111111111111: {4111: 1, 4111: 2}",
    ):
        with pytest.raises(DocumentError) as caught:
            value(text)
        assert "4111" not in str(caught.value)


def test_the_lines_of_mappings_are_known() -> None:
    lines = read(b"a: 1\nrules:\n  - b: 1\n  - c: {d: 1}\n", most_bytes=100, most_values=100).lines
    assert lines == {(): 1, ("rules", 0): 3, ("rules", 1): 4, ("rules", 1, "c"): 4}
