"""The engine's options, as the settings of a worker say them."""

import pytest

from app.environment import load
from app.worker_options import consumer_options


@pytest.mark.parametrize("session", [6, 10, 60, 1800])
def test_heartbeats_are_often_enough_for_a_session_and_for_a_rebalance(session: int) -> None:
    config = consumer_options(load({"SESSION_TIMEOUT": str(session)}))
    assert 10 * config.heartbeat_interval <= min(config.session_timeout, config.rebalance_timeout)


def test_a_worker_is_a_static_member_if_it_has_an_id() -> None:
    assert consumer_options(load({})).group_instance_id == ""
    assert consumer_options(load({"GROUP_INSTANCE_ID": "rollcall-2"})).group_instance_id == "rollcall-2"
