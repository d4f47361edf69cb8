"""What the engine reports is what the worker's metrics say."""

from app.engine_metrics import EngineMetrics
from app.metrics import INCIDENTS, Metrics
from tests.test_metrics import value


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
    engine.back_pressure({"t", "u"}, 0.5)
    engine.back_pressure({"t"}, 1.5)
    assert value(metrics, "rollcall_back_pressure_seconds_total", topic="t") == 2
    assert value(metrics, "rollcall_back_pressure_seconds_total", topic="u") == 0.5
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
    engine.batches_sent("t", 4)
    engine.batch_retried("t")
    assert value(metrics, "rollcall_producer_batches_total", topic="t") == 4
    assert value(metrics, "rollcall_producer_retries_total", topic="t") == 1
    engine.restored(3, 1000, 2, 1.5)
    engine.zombie_records("t", 0, 4)
    engine.repaired("t", 0, 1)
    assert value(metrics, "rollcall_slice_stage_seconds_sum", stage="write") == 0.5
    assert value(metrics, "rollcall_recovered_records_total") == 1000
    assert value(metrics, "rollcall_recovery_seconds") == 1.5
    assert value(metrics, "rollcall_engine_incidents_total", kind="foreign") == 4
    assert value(metrics, "rollcall_engine_incidents_total", kind="healed") == 1


def test_no_kind_of_incident_is_counted_that_is_not_listed() -> None:
    metrics = Metrics()
    engine = EngineMetrics(metrics)
    engine.commit_refused(1)
    engine.rewound(1)
    engine.gap("t", 0, 5, 6)
    engine.missing("t", 0, 5, 6)
    engine.truncated("t", 0, 5, 2)
    engine.zombie_records("t", 0, 1)
    engine.repaired("t", 0, 1)
    shown = {
        sample.labels["kind"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "rollcall_engine_incidents_total"
    }
    assert shown == dict.fromkeys(INCIDENTS, 1.0)
