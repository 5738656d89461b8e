"""The stylesheet of all pages; its colours follow the reader's system."""

from importlib.resources import files
from typing import Final

STYLE: Final = files("gateway.pages").joinpath("templates/style.css").read_bytes()
