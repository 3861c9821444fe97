"""The folder with a ruleset that a command works on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream_tools.cli.support.terminal.output import CommandError

if TYPE_CHECKING:
    from fraudstream.detection.rules.ruleset import Ruleset

RulesOption = Annotated[
    Path, typer.Option("--rules", metavar="FOLDER", help="The folder with ruleset.yaml, rates.yaml and lists.yaml.")
]


def loaded_ruleset(folder: Path, *, is_new: bool = False) -> "Ruleset":
    """Load the ruleset of a folder.

    Args:
        folder: with its files.
        is_new: somebody writes it: it may have no comparison that no transaction can meet.

    Raises:
        CommandError: it cannot be used.
    """
    from fraudstream.detection.rules.ruleset import RulesetError
    from fraudstream_tools.rules.folder import RulesFolder

    try:
        rules = RulesFolder(folder)
        return rules.load_as_new() if is_new else rules.load()
    except RulesetError as error:
        raise CommandError("\n  ".join([f"the ruleset in {folder} cannot be used:", *error.problems])) from None


def check_known(ruleset: "Ruleset", wanted: list[str]) -> None:
    """Check that a ruleset has all rules that are asked for.

    Raises:
        CommandError: there is no such rule.
    """
    from fraudstream.detection.rules.strict_yaml import suggestion

    known = [rule.id for rule in ruleset.rules]
    for rule in wanted:
        if rule not in known:
            raise CommandError(f"there is no rule {rule}{suggestion(rule, known)}")
