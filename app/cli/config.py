"""`rollcall config`: the settings in force, and the table of all settings for docs/settings.md."""

import sys
from typing import Any

from app.environment import variables
from app.settings import Settings


def run_config(settings: Settings, *, table: bool) -> int:
    """Writes one line for each variable that has an effect, or the table if `table` is true. A secret that is
    set is shown as `***`. Returns the exit code, 0."""
    if table:
        sys.stdout.write(settings_table())
        return 0
    for variable in variables():
        if variable.vendor not in (None, *settings.vendor_names):
            continue
        value = getattr(settings, variable.field)
        if variable.vendor is not None:
            value = value.get(variable.vendor, variable.default)
        shown = "***" if variable.is_secret and value else _text(value)
        sys.stdout.write(f"{variable.name}={shown}\n")
    return 0


def settings_table() -> str:
    """Returns the table of all variables as Markdown, with their defaults and not the settings in force."""
    rows = [f"| `{each.name}` | {_cell(each.default)} | {each.help} |\n" for each in variables()]
    return "| variable | default | meaning |\n|---|---|---|\n" + "".join(rows)


def _cell(value: Any) -> str:
    text = _text(value)
    return f"`{text}`" if text else "none"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
