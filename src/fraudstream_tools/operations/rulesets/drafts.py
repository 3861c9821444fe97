"""Drafts of ruleset.yaml as text: what is changed in them leaves everything else as somebody wrote it."""

import re
from collections.abc import Collection
from typing import Final

_ID: Final = re.compile(r"""(?P<indent> *)- id: *['"]?(?P<id>[\w-]+)['"]? *(#.*)?""")


def in_shadow(draft: str, rules: Collection[str]) -> str:
    """Return a draft in which some rules say `mode: shadow`; a rule that does not begin with its id stays as it is.

    Args:
        draft: the whole file.
        rules: their ids.
    """
    lines: list[str] = []
    mode = ""
    """How the rule's own line of its mode begins, where the rule is one of them."""
    for line in draft.splitlines():
        if id_line := _ID.fullmatch(line):
            mode = f"{id_line['indent']}  mode:" if id_line["id"] in rules else ""
            lines += [line, f"{mode} shadow"] if mode else [line]
        elif not mode or not line.startswith(mode):
            lines.append(line)
    return "\n".join(lines) + "\n"
