"""The commands with which operators look at records, write them again, and put rows right.

Each is a module with `add_arguments(parser)` and `run(options, settings)`. It is imported only if the command
is used, and imports Kafka's modules only in `run`.
"""

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NamedTuple


class OperatorCommand(NamedTuple):
    """A command: its module of `app/cli`, one line of help, and an example of its use."""

    module: str
    help: str
    example: str


OPERATOR_COMMANDS: Final = {
    "redrive": OperatorCommand(
        "redrive",
        "write dead letters back to the topic of their record",
        "rollcall redrive --run mapper-fixed --vendor magine --reason mapper_error",
    ),
    "replay": OperatorCommand(
        "replay",
        "map a range of a vendor's topic again, into the canonical topic or a new one",
        "rollcall replay --vendor magine --since 2026-11-25T08:00:00Z --until 2026-11-25T09:00:00Z",
    ),
    "import": OperatorCommand(
        "import_users",
        "write a vendor's export of users as full snapshots",
        "rollcall import --vendor magine --tenant acme --as-of 2026-11-25T08:00:00Z users.jsonl",
    ),
    "reconcile": OperatorCommand(
        "reconcile",
        "compare a vendor's export of users with the users table",
        "rollcall reconcile --vendor magine --tenant acme --as-of 2026-11-25T08:00:00Z users.jsonl",
    ),
    "diff": OperatorCommand(
        "diff",
        "compare what two versions of the mapping make of the same records",
        "rollcall diff --vendor magine --since 2026-11-25T08:00:00Z --against v0.2.0",
    ),
    "inspect": OperatorCommand(
        "inspect",
        "show the rows, the events and the dead letters of one user",
        "rollcall inspect magine/acme/42",
    ),
    "repair": OperatorCommand(
        "repair",
        "set or clear values of one user, by an event of the operator",
        "rollcall repair magine/acme/42 --set profile.email=new@example.com --why 'ticket 4711'",
    ),
    "forget": OperatorCommand(
        "forget",
        "delete one user, or all of a tenant, by an event of the operator",
        "rollcall forget magine/acme/42 --why 'erasure request 4711'",
    ),
    "rebuild": OperatorCommand(
        "rebuild",
        "make both changelogs again from a canonical topic",
        "rollcall rebuild --from users.events --into rebuilt",
    ),
    "repartition": OperatorCommand(
        "repartition",
        "copy the canonical topic and both changelogs to another number of partitions",
        "rollcall repartition --partitions 24 --into wide",
    ),
    "schema": OperatorCommand(
        "schema",
        "write the JSON Schemas and the AsyncAPI document",
        "rollcall schema --into docs/schemas",
    ),
}
"""The commands by their names."""


def add_operator_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", arguments: Sequence[str]
) -> None:
    """Declares all of them, with the arguments of the one that is called."""
    called = next((each for each in arguments if not each.startswith("-")), None)
    for name, command in OPERATOR_COMMANDS.items():
        parser = commands.add_parser(
            name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=f"example:\n  {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == called:
            module = import_module(f"app.cli.{command.module}")
            module.add_arguments(parser)
            parser.set_defaults(run=module.run)
