"""The Athena workgroup of a stack, for commands that ask it."""

from typing import TYPE_CHECKING

from fraudstream_tools.cli.support.running.deployment import VARIABLES, Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError

if TYPE_CHECKING:
    from fraudstream_tools.analytics.athena import Athena


def athena_of(deployment: Deployment) -> "Athena":
    """Return what asks a stack's workgroup.

    Raises:
        CommandError: the stack has none.
    """
    from fraudstream_tools.analytics.athena import Athena, client_settings

    workgroup, database = deployment.get("analyticsWorkgroup"), deployment.get("analyticsDatabase")
    if not workgroup or not database:
        raise CommandError(
            "there is no Athena workgroup: name a stack that has one (--stack), after "
            "`pulumi config set fraudstream:analytics true && pulumi up`, or set "
            f"{VARIABLES['analyticsWorkgroup']} and {VARIABLES['analyticsDatabase']}; "
            "what `fraudstream local` runs has none"
        )
    return Athena(client=deployment.client("athena", client_settings()), workgroup=workgroup, database=database)
