"""Metrics: their names are an interface for operators, and payloads cannot make more than a number of
series."""

from itertools import product

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import INCIDENTS, MAX_FIELD_NAMES, OTHER_FIELD, Metrics
from app.outcome import DEAD_REASONS
from app.vendors import VENDORS


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


def fields(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["vendor"], sample.labels["field"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "rollcall_fields_not_mapped_total"
    }


def test_every_metric_is_ours_and_explained() -> None:
    text = generate_latest(Metrics().registry).decode()
    families = list(text_string_to_metric_families(text))
    assert families
    for family in families:
        assert family.name.startswith("rollcall_")
        assert family.documentation.endswith(".")


def test_two_workers_of_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.received.labels("fynd").inc(3)
    assert value(one, "rollcall_records_received_total", vendor="fynd") == 3
    assert value(other, "rollcall_records_received_total", vendor="fynd") == 0


def test_what_may_never_happen_is_shown_as_0_from_the_start() -> None:
    """Otherwise the first lost offset would be in a series without an increase."""
    samples = [sample for family in Metrics().registry.collect() for sample in family.samples]
    shown = {sample.labels["kind"]: sample.value for sample in samples if "incidents_total" in sample.name}
    assert shown == dict.fromkeys(INCIDENTS, 0.0)
    dead = {
        (sample.labels["vendor"], sample.labels["reason"]): sample.value
        for sample in samples
        if sample.name == "rollcall_records_total" and sample.labels["outcome"] == "dead"
    }
    assert dead == dict.fromkeys(product(VENDORS, DEAD_REASONS), 0.0)


def test_names_of_fields_are_counted_for_each_vendor() -> None:
    metrics = Metrics()
    metrics.count_fields(metrics.not_mapped, "fynd", ["a", "b", "a"])
    metrics.count_fields(metrics.not_mapped, "amity", ["a"])
    assert fields(metrics) == {("fynd", "a"): 2, ("fynd", "b"): 1, ("amity", "a"): 1}


def test_payloads_cannot_make_more_series_than_the_limit() -> None:
    metrics = Metrics()
    flood = [f"name{number}" for number in range(MAX_FIELD_NAMES * 3)]
    metrics.count_fields(metrics.not_mapped, "fynd", flood)
    metrics.count_fields(metrics.not_mapped, "fynd", flood)
    found = fields(metrics)
    assert len(found) <= MAX_FIELD_NAMES + 1
    assert sum(found.values()) == len(flood) * 2
    assert found["fynd", OTHER_FIELD] == (len(flood) - MAX_FIELD_NAMES) * 2
    metrics.count_fields(metrics.not_mapped, "amity", ["late"])
    assert fields(metrics)["amity", "late"] == 1


def test_what_does_not_look_like_a_name_is_not_shown() -> None:
    metrics = Metrics()
    texts = ["ada@example.com", "", "4242", "a b", "x" * 65, "\n", "é"]
    metrics.count_fields(metrics.not_mapped, "fynd", texts)
    assert fields(metrics) == {("fynd", OTHER_FIELD): len(texts)}
