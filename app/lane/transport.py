"""Faust's extension point: which consumer it creates, and with what."""

from typing import ClassVar

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types.transports import ConsumerT

from app.lane.config import LaneConfig
from app.lane.consumer import LaneConsumer
from app.lane.observer import LaneObserver
from app.lane.records import read_leniently


class LaneTransport(driver.Transport):
    """Made by `install`; hands its settings to the consumer that Faust asks it for."""

    Consumer: ClassVar[type[ConsumerT]] = LaneConsumer

    def __init__(self, app: faust.App, config: LaneConfig, observer: LaneObserver) -> None:
        super().__init__(app.conf.broker_consumer, app)
        read_leniently()
        self.config = config
        self.observer = observer
