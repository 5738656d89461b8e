"""The path parameter `{model:name}`: a model's name ends where a verb such as `:predict` begins."""

from starlette.convertors import StringConvertor, register_url_convertor


class _NameConvertor(StringConvertor):
    regex = "[^/:]+"


def register() -> None:
    """Make the parameter known; before routes that use it are declared."""
    register_url_convertor("name", _NameConvertor())
