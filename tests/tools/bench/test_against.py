"""What two workers wrote on topics of their own can be compared."""

from tests.tools.bench.against import of_any_run


def test_events_of_two_runs_are_equal_if_only_their_origin_and_record_differ() -> None:
    first = b'{"id":"7","origin":"a/0/1","recordedtime":"2024-01-01T00:00:00.000000Z","data":{"user":{}}}'
    again = first.replace(b"a/0/1", b"b/0/9").replace(b"2024", b"2025")
    other = first.replace(b'"7"', b'"8"')
    assert of_any_run(first) == of_any_run(again)
    assert of_any_run(first) != of_any_run(other)
