"""The report of `rollcall inspect --erase-check`, as text and as JSON."""

import msgspec

from app.times import format_micros
from app.tools.users.erase_check import ErasureReport, Remains
from app.tools.users.erasure_bounds import Until
from app.tools.users.shown import printable

_MOST_OTHERS = 20


def report_lines(key: str, report: ErasureReport) -> str:
    """Returns the lines for people."""
    since = "has no row" if report.deleted_at is None else f"is deleted since {report.deleted_at}"
    lines = [
        f"{printable(key)} {since}",
        f"searched for the key, the user id and {report.searched_for} values of the user",
    ]
    width = max(len(each.topic) for each in report.topics)
    lines += [f"{each.topic:{width}}  {_remains(each)}" for each in report.topics]
    if report.others:
        told = ", ".join(map(printable, report.others[:_MOST_OTHERS]))
        more = f" and {len(report.others) - _MOST_OTHERS} more" if len(report.others) > _MOST_OTHERS else ""
        lines.append(f"other keys have one of these values: {told}{more}")
    return "".join(f"{line}\n" for line in lines)


def _remains(remains: Remains) -> str:
    told = "no values"
    if remains.values:
        told = f"values in {remains.values} records, {_until(remains.values_until)}"
    if remains.ids:
        told += f"; the user id alone in {remains.ids}, {_until(remains.ids_until)}"
    return told


def _until(until: Until | None) -> str:
    if until is None:
        return "no bound is known"
    if until.at is None:
        return f"without a bound: {until.why}"
    return f"until {format_micros(until.at * 1000)} by {until.why}"


def report_json(key: str, report: ErasureReport) -> str:
    """Returns one line of JSON."""
    topics = [
        {
            "topic": each.topic,
            "values": each.values,
            "values_until": _time(each.values_until),
            "ids": each.ids,
            "ids_until": _time(each.ids_until),
        }
        for each in report.topics
    ]
    told = {
        "key": key,
        "deleted_at": report.deleted_at,
        "searched_for": report.searched_for,
        "erased": not any(each.values for each in report.topics),
        "topics": topics,
        "other_keys": report.others,
    }
    return msgspec.json.encode(told).decode() + "\n"


def _time(until: Until | None) -> str | None:
    return None if until is None or until.at is None else format_micros(until.at * 1000)
