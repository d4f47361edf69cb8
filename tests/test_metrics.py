"""Metrics: their names are an interface for operators, and payloads cannot make more than a number of
series."""

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import MAX_FIELD_NAMES, OTHER_FIELD, EngineMetrics, Metrics


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


def test_the_consumers_half_of_the_engine_is_counted() -> None:
    metrics = Metrics()
    engine = EngineMetrics(metrics)
    engine.assigned(8, 1)
    assert value(metrics, "rollcall_partitions") == 8
    engine.revoked(8)
    assert value(metrics, "rollcall_partitions") == 0
    assert value(metrics, "rollcall_rebalances_total") == 1
    engine.slice_dispatched("t", 0, 7)
    engine.slice_done("t", 0, 7, 0.5)
    engine.committed({("t", 0): 7}, 0.25)
    assert value(metrics, "rollcall_slice_records_sum", topic="t") == 7
    assert value(metrics, "rollcall_slice_stage_seconds_sum", stage="whole") == 0.5
    assert value(metrics, "rollcall_commit_seconds_sum") == 0.25
    engine.commit_refused(2)
    engine.rewound(3)
    engine.gap("t", 0, 5, 6)
    engine.missing("t", 0, 5, 405)
    engine.truncated("t", 0, 5, 2)
    found = {
        kind: value(metrics, "rollcall_engine_incidents_total", kind=kind)
        for kind in ("commit_refused", "rewound", "gap", "hole", "reset")
    }
    assert found == {"commit_refused": 2, "rewound": 3, "gap": 1, "hole": 400, "reset": 1}


def test_the_producers_half_of_the_engine_is_counted() -> None:
    metrics = Metrics()
    engine = EngineMetrics(metrics)
    engine.round_acknowledged("t", 10, 0.5)
    engine.restored(3, 1000, 2, 1.5)
    engine.zombie_records("t", 0, 4)
    engine.repaired("t", 0, 1)
    assert value(metrics, "rollcall_slice_stage_seconds_sum", stage="write") == 0.5
    assert value(metrics, "rollcall_recovered_records_total") == 1000
    assert value(metrics, "rollcall_recovery_seconds") == 1.5
    assert value(metrics, "rollcall_engine_incidents_total", kind="foreign") == 4
    assert value(metrics, "rollcall_engine_incidents_total", kind="healed") == 1
