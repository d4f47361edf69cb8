"""A port that was chosen stays with the process that chose it until its server listens."""

import random
import socket
import sys

import pytest

from app.embedded_kafka import properties
from app.embedded_kafka.properties import free_ports, is_free


def offer_first(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Lets these ports come up first, one after the other, and then others by chance."""
    offers, by_chance = list(ports), random.randint
    monkeypatch.setattr(random, "randint", lambda *bounds: offers.pop(0) if offers else by_chance(*bounds))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can keep a port for a server")
def test_a_port_is_given_once_also_while_nobody_listens_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = free_ports(2)
    offer_first(monkeypatch, first, second, first)
    assert not {first, second} & {*free_ports(3)}


def test_a_server_can_listen_on_a_port_that_is_kept() -> None:
    (port,) = free_ports(1)
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_a_port_on_which_somebody_listens_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        offer_first(monkeypatch, taken)
        assert free_ports(1) != [taken]


def test_a_process_keeps_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(properties, "_MOST_KEPT", 5)
    free_ports(10)
    assert len(properties._kept) <= 5
