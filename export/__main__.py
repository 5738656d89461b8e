"""The command line: `python -m export VERB …`; the verbs are in `export/verbs/`."""

import argparse
import sys
from collections.abc import Sequence

from export.errors import ExportError
from export.verbs import default, gc, report, run, service, show, sign, transfer, verify
from model_repository.serving import ServingError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code.

    It is 0, 1 for a step or check that failed, 2 for a recipe or command line that cannot be used.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    args = _parser(arguments).parse_args(arguments)
    try:
        code: int = args.handler(args)
    except (ExportError, ServingError) as exc:
        print(f"export: {exc}", file=sys.stderr)
        return exc.exit_code if isinstance(exc, ExportError) else 1
    except KeyboardInterrupt:
        print("export: interrupted; the repository is as it was", file=sys.stderr)
        return 130
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m export", description="Checkpoint → ONNX → quantized → checked → packaged → promoted.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    run.add(verbs, arguments)
    for family in (show, report, verify, service, default, gc, transfer, sign):
        family.add(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
