"""A log whose tokens got a new number, beside a lists.yaml with those before: what matches nothing is said."""

import base64
import json
from pathlib import Path

import pytest

from fraudstream.contract import EntityKind
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenRaiser
from fraudstream_tools.lab.files.writing import write_rows
from tests.cli_harness import Command, Ran
from tests.unit.lab.backtest_harness import log_records, ruleset_file, write_rules

FIRST, SECOND = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
TOKENS = Tokenizer(FIRST, TokenRaiser(SECOND), number=2)
BLOCKED = log_records()[0]["customerId"]
SAID = "1 entry of lists.yaml has a token of another number than the log"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log after `fraudstream tokens rekey`."""
    tokens = {"customerId": TOKENS.token(EntityKind.CUSTOMER, BLOCKED)}
    rows = [
        each | (tokens if each["customerId"] == BLOCKED else {"customerId": "tok2_other"}) for each in log_records()
    ]
    write_rows(tmp_path / "log.jsonl", rows)
    return tmp_path / "log.jsonl"


def rules_with(folder: Path, token: str) -> Path:
    write_rules(folder, ruleset_file([("blocked", 'listed("blocked")', 5.0)]))
    folder.joinpath("lists.yaml").write_text(f"blocked: {{customer: [{token}]}}\n", encoding="utf-8")
    return folder


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    return rules_with(tmp_path / "earlier", TOKENS.tokens(EntityKind.CUSTOMER, BLOCKED)[0])


@pytest.fixture
def renewed(tmp_path: Path) -> Path:
    return rules_with(tmp_path / "renewed", TOKENS.tokens(EntityKind.CUSTOMER, BLOCKED)[1])


def said(ran: Ran) -> str:
    return " ".join(ran.err.split())


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_a_backtest_names_entries_by_earlier_tokens(
    fraudstream: Command, log: Path, earlier: Path, renewed: Path, engine: str
) -> None:
    hits: list[int] = []
    for rules in (earlier, renewed):
        ran = fraudstream("backtest", "--rules", rules, "--data", log, "--engine", engine, "--processes", 1, "--json")
        assert (SAID in said(ran)) == (rules is earlier), ran.err
        hits.append(json.loads(ran.out)["rulesets"][0]["rules"][0]["hits"])
    assert hits[0] == 0 < hits[1]


def test_training_and_explanations_name_them_too(fraudstream: Command, log: Path, earlier: Path, renewed: Path) -> None:
    for rules in (earlier, renewed):
        trained = fraudstream("train", "--log", log, "--rules", rules, "--output", log.with_name("model.json"))
        explained = fraudstream("rules", "explain", "--transaction", log, "--rules", rules)
        assert [SAID in said(each) for each in (trained, explained)] == 2 * [rules is earlier]
