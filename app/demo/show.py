"""What the demo prints."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, Final

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.panel import Panel
from rich.table import Column, Table
from rich.text import Text

from app.demo.compare import Check
from app.demo.look import DeadLetter, Seen
from app.demo.publish import Sent
from app.demo.story import Dies, Story

# The width in columns if the output is no terminal: a log file or a pipe.
PLAIN_WIDTH: Final = 120
_GOOD, _BAD = "green", "bold red"


def make_console() -> Console:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show ✓ must not end the demo
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


class Show:
    """Prints the progress, then everything that came out; as plain lines if the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        self._console.print(Text(line, style="dim"))

    @contextmanager
    def progress(self, doing: str) -> Iterator[Callable[[int], None]]:
        """Shows a status line until the block ends. Gives a function to call with the number of records that
        are left."""
        self.say(doing)
        if not self._console.is_terminal:
            yield lambda _left: None
            return
        with self._console.status("") as status:
            yield lambda left: status.update(f"{left} records not yet committed")

    def everything(
        self, stories: tuple[Story, ...], sent: Sequence[Sent], seen: Seen, checks: Sequence[Check]
    ) -> None:
        self._events(sent, seen)
        self._users(stories, seen, checks)
        self._loyalty(seen)
        self._dead_letters(sent, seen)
        self._accounting(stories, checks)
        self._verdict(checks)

    def _heading(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(text, style="bold"))

    def _events(self, sent: Sequence[Sent], seen: Seen) -> None:
        self._heading(f"{len(seen.events)} canonical events; one of each vendor:")
        first: dict[str, dict[str, Any]] = {}
        for event in seen.events:
            first.setdefault(event["origin"], event)
        for each in sent:
            if each.body.text == each.story.highlight and each.origin in first:
                shown = JSONHighlighter()(Text(_shortened(first[each.origin])))
                title = Text(f"{each.story.vendor}: {each.body.text}")
                self._console.print(Panel(shown, title=title, title_align="left"))

    def _users(self, stories: tuple[Story, ...], seen: Seen, checks: Sequence[Check]) -> None:
        self._heading("The users table, read back from its changelog:")
        user = Column("user", overflow="fold")
        table = Table("vendor", user, "status", "complete", "name and e-mail", "what it shows", "")
        notes = {story.key_prefix + rows.sub: rows.note for story in stories for rows in story.rows}
        for key in {**notes, **seen.users}:
            row = seen.users.get(key) or {}
            profile = row.get("profile", {})
            vendor, _, sub = key.split("/")
            texts = [
                vendor,
                sub,
                row.get("status", "-"),
                {True: "yes", False: "no"}.get(row.get("complete", ""), "-"),
                "\n".join(profile[claim] for claim in ("name", "email") if claim in profile) or "-",
                notes.get(key, "no story expects this row"),
            ]
            good = all(check.ok for check in checks if check.what.split(": ")[0] == f"users {key}")
            table.add_row(*map(Text, texts), _mark(good))
        self._console.print(table)

    def _loyalty(self, seen: Seen) -> None:
        self._heading("The loyalty table; null is a tombstone:")
        table = Table("key", "reputation", "points", "entries, newest first")
        for key, found in sorted(seen.loyalty.items()):
            row = found or {}
            balances = [str(row[kind]["value"]) if kind in row else "-" for kind in ("reputation", "points")]
            entries = [
                f"{entry['delta']:+d} {entry['kind']}, {entry.get('reason', '')}"
                for entry in row.get("entries", ())
            ]
            table.add_row(Text(key), *balances, Text("\n".join(entries) or "null"))
        self._console.print(table)

    def _dead_letters(self, sent: Sequence[Sent], seen: Seen) -> None:
        self._heading(
            f"{len(seen.dead_letters)} dead letters (mapper_error is missing: that would be a bug of ours,"
            " and no body can cause it):"
        )
        table = Table("vendor", "what was sent", "bytes", "x-reason", "x-detail")
        dead_letters: dict[str, DeadLetter] = {
            dead_letter.origin: dead_letter for dead_letter in seen.dead_letters
        }
        for each in sent:
            dead_letter = dead_letters.get(each.origin)
            if dead_letter is not None:
                good = isinstance(each.body.outcome, Dies) and each.body.outcome.reason == dead_letter.reason
                reason = Text(dead_letter.reason, style="" if good else _BAD)
                size = Text(f"{len(dead_letter.value or b''):,}", justify="right")
                table.add_row(
                    dead_letter.vendor, Text(each.body.text), size, reason, Text(dead_letter.detail)
                )
        self._console.print(table)

    def _accounting(self, stories: tuple[Story, ...], checks: Sequence[Check]) -> None:
        self._heading("The accounting, by the worker's own counters:")
        columns = ("received", "emitted", "skipped", "dead")
        table = Table("vendor", *columns[:1], "=", "emitted + skipped + dead", "events", "distinct", "")
        found = {check.what: check.found for check in checks}
        for story in stories:
            vendor = story.vendor
            values = {column: found[f"{vendor}: {column}"] for column in columns}
            total = found[f"{vendor}: emitted + skipped + dead"]
            parts = " + ".join(values[column] for column in columns[1:])
            good = all(check.ok for check in checks if check.what.startswith(f"{vendor}: "))
            equal = values["received"] == total
            table.add_row(
                vendor,
                values["received"],
                Text("=", style=_GOOD) if equal else Text("≠", style=_BAD),
                f"{parts} = {total}",
                found[f"{vendor}: canonical events"],
                found[f"{vendor}: distinct (source, id)"],
                _mark(good),
            )
        self._console.print(table)

    def _verdict(self, checks: Sequence[Check]) -> None:
        self._console.print()
        wrong = [check for check in checks if not check.ok]
        if not wrong:
            self._console.print(Text(f"✓ All {len(checks)} comparisons are as the story says.", style=_GOOD))
            return
        table = Table("", "what", "the story says", "found")
        for check in wrong:
            table.add_row(_mark(good=False), *map(Text, (check.what, check.expected, check.found)))
        self._console.print(table)
        line = f"✗ {len(wrong)} of {len(checks)} comparisons are not as the story says."
        self._console.print(Text(line, style=_BAD))


def _mark(good: bool) -> Text:
    return Text("✓", style=_GOOD) if good else Text("✗ differs", style=_BAD)


def _shortened(event: dict[str, Any]) -> str:
    """Returns JSON, with a line for each member and for each member of `data`, without what the key tells."""
    already = ("specversion", "datacontenttype", "dataschema", "subject", "source", "vendor", "tenant")
    data = {f"data.{name}": value for name, value in event["data"].items()}
    members = {name: value for name, value in event.items() if name not in (*already, "data")} | data
    return "\n".join(f'"{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in members.items())
