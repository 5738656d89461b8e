"""The page of the docs on clients, made from the reports of their calls."""

import re
from collections.abc import Mapping

LANGUAGES = {"python": "Python", "node": "JavaScript (Node.js)"}
HEAD = """# Clients

These releases were run unchanged against one gateway, each in an environment of its own. What they
gave is equal, to 1e-4, to what transformers and sentence-transformers give for the same checkpoint.
[`dialects.md`](dialects.md) says what each path takes.

This page is made from the results of the tests in `tests/integration/tiny_models/clients`;
`clients.toml` there has the versions.
"""


def render(clients: Mapping, reports: Mapping) -> str:
    """The page, as Markdown."""
    parts = [HEAD]
    for language, title in LANGUAGES.items():
        parts.append(
            f"\n## {title}\n\n| packages | calls that are answered | calls that raise the client's own error |\n| --- | --- | --- |\n"
        )
        for name, packages in clients[language].items():
            made = reports[language, name]
            answered = [report["call"] for report in made if report["gives"] != "refusal"]
            refused = [f"{report['call']}: `{report.get('answer')}`" for report in made if report["gives"] == "refusal"]
            parts.append(f"| {', '.join(map(_version, packages))} | {'; '.join(answered)} | {'; '.join(refused)} |\n")
    return "".join(parts)


def _version(package: str) -> str:
    """`name 1.2` of `name==1.2` or `name@1.2`."""
    name, version = re.fullmatch(r"(.+?)(?:\[.*\])?(?:==|@(?=\d))(.+)", package).groups()
    return f"{name} {version}"
