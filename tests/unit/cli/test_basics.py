"""The command's manners: help, errors, and the commands that need no fraudstream."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from fraudstream.transactions.api.openapi import openapi_document
from fraudstream_tools.cli.main import app
from fraudstream_tools.lab.files.transactions import read_transactions
from fraudstream_tools.rules.folder import RulesFolder
from tests.cli_harness import Command

RULES = Path("rules").resolve()
COMMANDS: Any = typer.main.get_command(app)


def test_help_names_every_command_and_shows_how_to_begin(fraudstream: Command) -> None:
    ran = fraudstream("--help")
    assert ran.code == 0
    _, box, rows = ran.out.partition("─ Commands ─")
    assert box
    named = re.findall(r"^│ ([a-z]\S*) ", rows, re.MULTILINE)
    assert named == [name for name in COMMANDS.commands if name != "label"], "an older name, not shown"
    assert "fraudstream local   " in ran.out, "an example, with what it is for"


@pytest.mark.parametrize("heavy", ["boto3", "botocore", "pulumi", "pyarrow", "httpx", "duckdb", "msgspec"])
def test_help_pays_for_no_heavy_import(heavy: str) -> None:
    code = f"import sys, fraudstream_tools.cli.main; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_version_is_the_packages(fraudstream: Command) -> None:
    assert fraudstream("--version").out.startswith("fraudstream 0.")


def test_wrong_usage_ends_with_2(fraudstream: Command) -> None:
    assert fraudstream("simulate").code == 2
    assert fraudstream("no-such-command").code == 2


def test_a_simulated_world_lies_in_a_file_with_the_truth_beside_it(fraudstream: Command, tmp_path: Path) -> None:
    options = ("--seed", 5, "--customers", 40, "--days", 1, "--episodes", 100, "--traps", 50, "--output")
    ran = fraudstream("simulate", *options, tmp_path / "one.csv")
    assert ran.code == 0
    assert fraudstream("simulate", *options, tmp_path / "two.csv").code == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()

    made = list(read_transactions(tmp_path / "one.csv"))
    truth = (tmp_path / "one.truth.csv").read_text().splitlines()
    assert f"{len(made):,} transactions" in ran.out
    assert truth[0] == "transactionId,episode,fraud,label,labeledAt,source,trap"
    assert len(truth) == len(made) + 1


def test_a_simulation_goes_into_no_file_of_another_kind(fraudstream: Command) -> None:
    ran = fraudstream("simulate", "--output", "world.xlsx")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: world.xlsx: the name has to end in")


def test_the_openapi_document_is_the_schemas(fraudstream: Command, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    assert fraudstream("openapi", "--output", file).code == 0
    assert json.loads(file.read_text()) == json.loads(fraudstream("openapi").out) == openapi_document()


def test_a_ruleset_is_checked_as_the_analyzer_will(fraudstream: Command, tmp_path: Path) -> None:
    assert "live rules" in fraudstream("rules", "check", RULES / "ruleset.yaml").out

    for file in ("ruleset.yaml", "rates.yaml", "lists.yaml"):
        shutil.copy(RULES / file, tmp_path)
    broken = (RULES / "ruleset.yaml").read_text().replace("cardCount2h >=", "cardCount2hours >=", 1)
    (tmp_path / "ruleset.yaml").write_text(broken)
    ran = fraudstream("rules", "check", tmp_path / "ruleset.yaml")
    assert ran.code == 1
    assert "rule card-velocity" in ran.err
    assert "cardCount2h" in ran.err


def test_a_ruleset_without_its_other_files_is_refused_by_their_name(fraudstream: Command, tmp_path: Path) -> None:
    shutil.copy(RULES / "ruleset.yaml", tmp_path)
    ran = fraudstream("rules", "check", tmp_path / "ruleset.yaml")
    assert ran.code == 1
    assert "rates.yaml: No such file" in ran.err


@pytest.mark.parametrize("command", [("demo",), ("local",), ("preflight",)])
def test_what_needs_the_pulumi_program_says_so_elsewhere(fraudstream: Command, command: tuple[str, ...]) -> None:
    ran = fraudstream(*command)
    assert ran.code == 1
    assert "in a checkout of fraudstream" in ran.err


def commands(group: Any, *path: str) -> Iterator[tuple[Any, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield pytest.param((*path, name), command.help, id=" ".join((*path, name)))


@pytest.mark.parametrize(("command", "text"), list(commands(COMMANDS)))
def test_a_commands_help_shows_examples_each_on_a_line_of_its_own(
    fraudstream: Command, command: tuple[str, ...], text: str
) -> None:
    shown = [line.strip() for line in fraudstream(*command, "--help").out.splitlines()]
    examples = [line.strip() for line in text.splitlines() if line.strip().startswith("fraudstream ")]
    assert f"fraudstream {' '.join(command)}" in text
    # Markdown may take several for one paragraph, and a line that is broken cannot be pasted.
    assert [line for line in shown if line.startswith("fraudstream ")] == examples
    in_fences = "\n".join(re.findall(r"```\n(.*?)```", text, re.DOTALL))
    assert {line.strip() for line in in_fences.splitlines()} <= set(shown)
    assert not [line for line in shown if "[[" in line], "brackets are put around what is optional anyway"


def test_examples_name_rules_that_ship() -> None:
    examples: list[Any] = list(commands(COMMANDS))
    named = {
        found
        for example in examples
        for found in re.findall(r"(?:--rule|rules (?:explain|sql|test)) ([\w-]+)", str(example.values[1]))
        if not found.startswith("-")
    }
    rules = RulesFolder(RULES).load().rules
    assert {"card-velocity", "CARD_TESTING"} <= named
    assert named <= {rule.id for rule in rules} | {rule.reason_code for rule in rules}


@pytest.mark.parametrize(("command", "text"), list(commands(COMMANDS)))
def test_a_default_is_written_as_the_choices_are(fraudstream: Command, command: tuple[str, ...], text: str) -> None:
    del text
    shown = " ".join(fraudstream(*command, "--help").out.replace("│", " ").split())
    for choices, default in re.findall(r"<([a-zA-Z|-]+\|[a-zA-Z|-]+)>(?:(?!--).)*?\[default: (\S+)\]", shown):
        assert default in choices.split("|"), shown
