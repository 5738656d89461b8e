"""The path parameters `{model:name}` and `{version:number}`."""

from urllib.parse import unquote

from starlette.convertors import IntegerConvertor, StringConvertor, register_url_convertor

from gateway.dialects.whole_number import MAX_DIGITS


class _NameConvertor(StringConvertor):
    """A model's name ends where a verb such as `:predict` begins.

    What it cannot hold is percent-encoded once more than the path (`gateway.catalog.aliases`).
    """

    regex = "[^/:]+"

    def convert(self, value: str) -> str:
        """The name, decoded."""
        return unquote(value) if "%" in value else value


class _NumberConvertor(IntegerConvertor):
    """A version has at most `MAX_DIGITS` digits.

    The framework's own convertor takes more digits than Python reads.
    """

    regex = f"[0-9]{{1,{MAX_DIGITS}}}"


def register() -> None:
    """Register both parameters; this must happen before routes that use them are declared."""
    register_url_convertor("name", _NameConvertor())
    register_url_convertor("number", _NumberConvertor())
