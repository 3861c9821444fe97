"""Everything that reads what somebody else wrote, with what it may be given and by which error it refuses."""

import gzip
import json
import struct
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from hypothesis import strategies as st

from fraudstream.detection import stream_records
from fraudstream.detection.features.codec import FORM, FeatureError, VectorCodec
from fraudstream.detection.features.own import INPUTS
from fraudstream.detection.features.registry import DECLARED
from fraudstream.detection.models import model
from fraudstream.detection.models.selection import parse_selection
from fraudstream.detection.profiles import codec
from fraudstream.detection.rules import ruleset
from fraudstream.detection.rules.language import checker, fields, parser
from fraudstream.detection.rules.strict_yaml import DocumentError
from fraudstream.reporting.log import segments
from fraudstream.reporting.log.erasure_marks import ErasureMark, without_erased
from fraudstream.reporting.log.hours.notes import read_note
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.reporting.log.reader.files import DecisionLogError
from fraudstream.transactions.api import validation
from fraudstream.transactions.api.preferences import wait_seconds
from fraudstream.transactions.card_numbers import detector
from fraudstream.transactions.card_numbers.iban import holds_iban
from fraudstream.transactions.pseudonyms.lookup import LookupRefusedError, find_tokens
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.storage.item import PoisonRecordError
from fraudstream_tools.lab.files.mapping import file_map
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.reading import MappedFile
from proofs.inputs import expressions, samples
from proofs.inputs.hostile import CARD, MARK, damaged, documents

_TIMES: Final = validation.TimeBounds(earliest=0, latest=2**53)
_VECTORS: Final = VectorCodec(DECLARED)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One reader."""

    read: Callable[[Any], object]
    inputs: st.SearchStrategy[Any]
    refuses_by: tuple[type[Exception], ...] = ()
    grown: Callable[[int], Sequence[Any]] = lambda _: ()
    """Inputs that are as large as a number says, each in another way."""
    share: float = 1.0
    """Of the examples that others get: what opens files takes its time."""
    told: Callable[[Exception], str] = field(default=str)


def _json(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _yaml(value: object) -> bytes:
    # JSON is YAML, but for what JSON says by escapes alone.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _written(*sound: Any) -> st.SearchStrategy[bytes]:  # noqa: ANN401  (JSON values)
    return st.one_of(documents(*sound).map(_json), damaged(st.sampled_from([_json(each) for each in sound])))


def _in_yaml(sound: Any) -> st.SearchStrategy[bytes]:  # noqa: ANN401  (a JSON value)
    text = yaml.safe_dump(sound).encode()
    return st.one_of(documents(sound).map(_yaml), damaged(st.just(text)))


def _refusal(error: Exception) -> str:
    errors: Sequence[Any] = getattr(error, "errors", ())
    return "\n".join([str(error), *(f"{each.field} {each.message}" for each in errors)])


def _check(text: str) -> None:
    checker.check(text, checker.Scope(fields.BY_NAME, {"limit": 3.0}, ("blocked",)))


def _profiles() -> st.SearchStrategy[bytes]:
    """Draw damaged states: some with a checksum that fits, as if another version had written them."""
    sound = st.sampled_from(samples.PROFILES)
    return st.one_of(
        damaged(sound),
        damaged(sound.map(lambda state: state[:-4])).map(lambda body: body + struct.pack("<I", zlib.crc32(body))),
    )


def _use_model(content: Any) -> None:  # noqa: ANN401  (a JSON value)
    try:
        found = model.seal(msgspec.convert(content, model.ModelFile))
    except (msgspec.ValidationError, UnicodeEncodeError):
        # A file that is no model's is tried as bytes; this is about models that are wrong.
        return
    for vector in (tuple([None] * len(INPUTS)), tuple([0.0] * len(INPUTS)), tuple([3e38] * len(INPUTS))):
        found.evidence(vector)
        found.contributions(vector)


def _cut(record: Any) -> None:  # noqa: ANN401  (a JSON value)
    mark = ErasureMark(persons=frozenset({"x"}), at=2**50)
    kept = without_erased(record, [mark])
    segments.cut([kept] if kept else [], "decision-log/")


def _open(lines: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "decision-log/segments/date=2026-11-22/hour=09/0000-1.jsonl.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(lines)
        try:
            with open_log(Path(name)) as log:
                deque(log.decisions(), maxlen=0)
        except DecisionLogError as error:
            raise DecisionLogError(str(error).replace(name, "")) from error


def _rows(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "payments.csv"
        path.write_bytes(content)
        found = MappedFile(path, file_map.read_map(samples.MAP, "map"))
        problems = [problem for row in found.rows() for problem in row.problems]
        if problems:
            raise FileProblemError("; ".join(problems))


def _of_all_kinds(size: int) -> list[bytes]:
    """Return bodies that are as large as a number says: long texts, many members, lists, nesting, long numbers."""
    many = {f"a{number}": MARK for number in range(size // 20)}
    return [
        _json({**samples.REQUEST, "metadata": {"a": "1 " * (size // 2)}}),
        _json({**samples.REQUEST, **many}),
        _json({**samples.REQUEST, "metadata": many}),
        _json({**samples.REQUEST, "metadata": [[CARD] * (size // 30)]}),
        b"[" * size,
        b'{"metadata":' + b'{"a":' * (size // 10) + b"1" + b"}" * (size // 10) + b"}",
        b'{"amountMinor":' + b"9" * size + b"}",
    ]


READERS: Final[dict[str, Reader]] = {
    "the body of a request": Reader(
        read=lambda body: validation.read_request(body, _TIMES),
        inputs=_written(samples.REQUEST, {**samples.REQUEST, "metadata": {"shelf": "A7"}, "ipAddress": "198.51.100.7"}),
        refuses_by=(validation.RequestRefusedError,),
        told=_refusal,
        grown=_of_all_kinds,
    ),
    "the header Prefer": Reader(
        read=lambda values: wait_seconds({"multiValueHeaders": {"Prefer": values}}),
        inputs=st.lists(
            st.one_of(st.text(), st.sampled_from(["wait=5", "wait=²", "wait=" + "9" * 99, ",;=", 'wait="1'])),
            max_size=4,
        ),
        grown=lambda size: [["wait;" * size], ["," * size], ["wait=" + "9" * size]],
    ),
    "the scan for card and account numbers": Reader(
        read=lambda text: (detector.holds_card_number(text), holds_iban(text)),
        inputs=st.one_of(
            st.text(max_size=128),
            st.lists(st.sampled_from([*"0123456789 -.4²٤Ⅳ一", "4111", "DE", "\u200b", "x"]), max_size=60).map("".join),
        ),
        grown=lambda size: ["4" * size, "4 " * (size // 2), "4a" * (size // 2), "DE" * (size // 2), "\u0664" * size],
    ),
    "a rule's expression": Reader(
        read=_check,
        inputs=expressions.EXPRESSIONS,
        refuses_by=(parser.LanguageError,),
        grown=lambda size: [
            "(" * size,
            "1+" * (size // 2) + "1",
            "not " * (size // 4) + "cardCount1h",
            "-" * size + "1",
        ],
    ),
    "a ruleset": Reader(
        read=lambda content: ruleset.load(content, *samples.BESIDE_THE_RULESET),
        inputs=_in_yaml(samples.RULESET),
        refuses_by=(ruleset.RulesetError,),
        grown=lambda size: [
            b"[" * size,
            b"a: b\n" * (size // 5),
            b"- a\n" * (size // 4),
            b"? " * (size // 2),
            b"&a [*a," * (size // 7),
        ],
        share=0.3,
    ),
    "exchange rates": Reader(
        read=lambda content: ruleset.load(samples.SMALL_RULESET, content, b"{}"),
        inputs=_in_yaml(samples.RATES),
        refuses_by=(ruleset.RulesetError,),
    ),
    "lists": Reader(
        read=lambda content: ruleset.load(samples.SMALL_RULESET, samples.BESIDE_THE_RULESET[0], content),
        inputs=_in_yaml(samples.LISTS),
        refuses_by=(ruleset.RulesetError,),
        grown=lambda size: [b"blocked: {card: [" + b"tok_," * (size // 5) + b"]}"],
    ),
    "a model's file": Reader(read=model.load, inputs=_written(samples.MODEL), refuses_by=(model.ModelError,)),
    "a model that somebody made": Reader(
        read=_use_model, inputs=documents(samples.MODEL), refuses_by=(model.ModelError,), share=0.5
    ),
    "the choice of models": Reader(
        read=parse_selection,
        inputs=_in_yaml({"schemaVersion": 1, "shadow": "default.json"}),
        refuses_by=(model.ModelError,),
    ),
    "a map of a file": Reader(
        read=lambda content: file_map.read_map(content, "map"),
        inputs=_in_yaml(yaml.safe_load(samples.MAP)),
        refuses_by=(DocumentError,),
    ),
    "a file of payments": Reader(
        read=_rows,
        # Refusals name columns: a marked value that damage carries into the line of names is one.
        inputs=damaged(st.just(samples.CSV)).filter(lambda content: MARK.encode() not in content.partition(b"\n")[0]),
        refuses_by=(FileProblemError,),
        share=0.3,
    ),
    "a stored profile": Reader(
        read=codec.unpack,
        inputs=_profiles(),
        refuses_by=(codec.ProfileError,),
        grown=lambda size: [b"\x04" * size, b"\x02" + b"\xff" * size],
    ),
    "a stored vector": Reader(
        read=_VECTORS.unpack,
        inputs=st.one_of(
            st.binary(max_size=200), damaged(st.just(samples.VECTOR)), st.binary().map(bytes((FORM, 1)).__add__)
        ),
        refuses_by=(FeatureError,),
        grown=lambda size: [bytes((FORM, 1)) + b"\xaa" * size],
    ),
    "a stream record, by the analyzer": Reader(
        read=stream_records.read, inputs=documents(*samples.RECORDS), refuses_by=(PoisonRecordError,)
    ),
    "a stream record, by the writer of the log": Reader(read=_cut, inputs=documents(*samples.RECORDS)),
    "a segment of the log": Reader(
        read=_open,
        inputs=st.one_of(
            damaged(st.just(samples.SEGMENT)),
            st.lists(documents(*samples.LINES), max_size=4).map(
                lambda found: gzip.compress(b"\n".join(map(_json, found)))
            ),
        ),
        refuses_by=(DecisionLogError,),
        share=0.1,
    ),
    "the note of an hour": Reader(
        read=read_note, inputs=_written(samples.NOTE), refuses_by=(msgspec.MsgspecError, UnicodeDecodeError)
    ),
    "a question for tokens": Reader(
        read=lambda event: find_tokens(event, Tokenizer(samples.KEY), frozenset({"unknown"})),
        inputs=documents(samples.QUESTION),
        refuses_by=(LookupRefusedError,),
    ),
}
"""By what is read."""
