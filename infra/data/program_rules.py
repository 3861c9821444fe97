"""The ruleset and the models that the program uploads: what is in the repository was approved there."""

from pathlib import Path

import pulumi

from fraudstream.contract import MODELS_FILE, RULESET_FILE, RULESET_FILES, files_digest
from fraudstream.detection.models.model import ModelError
from fraudstream.detection.models.selection import load_models, model_names, parse_selection
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream_tools.rules.folder import RulesFolder
from fraudstream_tools.rules.written import check_written

RULES = Path(__file__).resolve().parents[2] / "rules"
MODELS = RULES.parent / "models"


class ProgramRulesError(pulumi.RunError):
    """The analyzer could not use what the program would upload; Pulumi shows the message and stops."""


def program_ruleset() -> str:
    """Return the digest of the ruleset that the program uploads."""
    return files_digest(*((RULES / name).read_bytes() for name in RULESET_FILES))


def program_models() -> str:
    """Return the digest of the models that the program uploads, as `program_ruleset`."""
    pointer = (MODELS / MODELS_FILE).read_bytes()
    return files_digest(pointer, *((MODELS / name).read_bytes() for name in model_names(parse_selection(pointer))))


def check_program_rules() -> None:
    """Check the ruleset and the models as the analyzer will, before anything is deployed.

    A rule that can never hit is only warned of: a stack that has one can go on.

    Raises:
        ProgramRulesError: they cannot be used; the message names every problem that was found.
    """
    try:
        folder = RulesFolder(RULES)
        ruleset = folder.load()
        chosen = parse_selection((MODELS / MODELS_FILE).read_bytes())
        load_models(chosen, lambda name: (MODELS / name).read_bytes())
    except RulesetError as error:
        raise ProgramRulesError(f"{_with_names(RULES.name, error)}\n`fraudstream rules check` says the same.") from None
    except ModelError as error:
        raise ProgramRulesError(f"{MODELS.name}/: {error}") from None
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise ProgramRulesError(f"{MODELS.name}/{name} is missing: it is part of what is deployed") from None
    try:
        check_written(ruleset, folder.contents[RULESET_FILE])
    except RulesetError as error:
        pulumi.log.warn(_with_names(RULES.name, error))


def _with_names(folder: str, error: RulesetError) -> str:
    return "\n".join(f"{folder}/{problem}" for problem in error.problems)
