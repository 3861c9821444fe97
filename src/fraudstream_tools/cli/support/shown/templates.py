"""Templates of the files that commands write for people to look at."""

from typing import Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

# What the log carries is text to the page, whatever is in it. The style is the report's.
TEMPLATES: Final = Environment(
    loader=ChoiceLoader(
        [
            PackageLoader("fraudstream_tools.cli.support", "shown"),
            PackageLoader("fraudstream.reporting.render", "templates"),
        ]
    ),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
