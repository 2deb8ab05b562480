"""The command line: arguments and exit codes, nothing else.

Exit codes: 0 done; 1 an input failed; 2 usage or settings. What a command does is loaded when it is
called: ``originsight --help`` waits for no compiled kernel.
"""

from __future__ import annotations

import click

from validator.cli import past, reports, serving, tables


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="originsight", message="%(prog)s %(version)s")
def main() -> None:
    """RPKI route-origin validation (RFC 6811) and coverage."""


for command in (
    tables.validate,
    tables.coverage,
    tables.dialects,
    tables.plan,
    past.target,
    past.change,
    past.history,
    reports.report,
    reports.verify,
    tables.export,
    serving.serve,
    serving.check_config,
    serving.hash_token,
):
    main.add_command(command)
