"""Tokens of identifiers, as the processor gives them: it alone has the key."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from fraudstream.contract import TOKENS_ALIAS

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_NOT_ALLOWED: Final = frozenset({"AccessDeniedException", "ResourceNotFoundException"})


class TokensRefusedError(RuntimeError):
    """The processor gave no tokens; the message says what to do."""


def ask_for_tokens(client: "LambdaClient", function: str, identifiers: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the tokens of each identifier, one for each token number; none where it stands for nobody.

    Args:
        client: of Lambda; it needs the right to invoke the alias.
        function: the processor's name.
        identifiers: kind and value of each.

    Raises:
        TokensRefusedError: the processor did not answer, or its version has no such alias.
        ClientError: AWS refuses for another reason, such as credentials that have expired.
        BotoCoreError: AWS cannot be reached.
    """
    question = {"identifiers": [{"kind": kind, "value": value} for kind, value in identifiers]}
    try:
        answer: Any = client.invoke(
            FunctionName=function, Qualifier=TOKENS_ALIAS, Payload=json.dumps(question).encode()
        )
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code not in _NOT_ALLOWED:
            raise
        raise TokensRefusedError(
            f"the alias {TOKENS_ALIAS} of {function} cannot be invoked ({code}): allow lambda:InvokeFunction on it, "
            "or give the token (tok_…) that the API answers"
        ) from None
    content: Any = json.load(answer["Payload"])
    if answer.get("FunctionError") or "tokens" not in content:
        raise TokensRefusedError(f"{function} gave no tokens: its log group says why")
    return content["tokens"]
