"""The experiment with destroyed stacks as `make prove` runs it, and what it tells."""

import tempfile
from pathlib import Path

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import HOME_REGION
from proofs.destroy.experiment import StackLife, live, make
from proofs.destroy.mutations import MUTATIONS
from proofs.report import ExperimentOutcome, Length, Say


def prove(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Run the experiment; it is as long in every form, and nothing of it is left to chance."""
    del seed, length
    with tempfile.TemporaryDirectory() as name, MinistackServer(Path(name, "aws"), region=HOME_REGION) as server:
        folder = Path(name)
        # Its names end alike, and it is to stand at the end.
        make(server, "other-proof", folder / "other")
        say("a stack is made, filled and destroyed")
        life = live(server, "proof", folder / "proof")
        missed = [each for number, each in enumerate(MUTATIONS) if not is_found(server, each, number, folder, say)]
    return ExperimentOutcome(
        holds=life.is_clean and not missed,
        table=table(life),
        figures={
            "destroyed": life.made,
            "left": len(life.left),
            "mutations": len(MUTATIONS),
            "mutations_missed": len(missed),
            "missed": missed,
        },
    )


def is_found(server: MinistackServer, mutation: str, number: int, folder: Path, say: Say) -> bool:
    """Return whether something is left by a fault that is put back, and all of it is named by `fraudstream leftovers`.

    Args:
        server: plays the account.
        mutation: the name of the fault.
        number: no other fault of this account has it.
        folder: for files of the stack.
        say: told what came of it.
    """
    stack, fault = f"fault{number}", MUTATIONS[mutation]
    life = live(server, stack, folder / stack, change=fault.change, afterwards=fault.afterwards)
    found = bool(life.left) and not life.untold
    say(f"{'found' if found else 'MISSED'}: {mutation}")
    return found


def table(life: StackLife) -> list[str]:
    """Return the lines of the table that people read."""
    return [
        f"{life.made:>9,}  resources made in the account, and deleted",
        f"{len(life.pending):>9,}  key that waits for its end",
        *(f"           REFUSED: {each}" for each in life.refused),
        *(f"           LEFT: {each}" for each in life.left),
        *(f"           GONE: {each}, of another stack" for each in life.gone),
        *(
            f"           TOLD, and not there: {each}"
            for each in life.told
            if each not in life.pending and not life.left
        ),
    ]
