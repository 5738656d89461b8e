"""The report of an export, which a reviewer reads before promoting.

It lies beside the manifest and is no part of the version's digest.
"""

HTML = "report.html"
MARKDOWN = "report.md"
FILES = (HTML, MARKDOWN)
