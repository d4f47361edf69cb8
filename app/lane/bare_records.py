"""Records as the decoder of aiokafka's batches makes them, for the consumer and for recovery."""

from collections import OrderedDict
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult


class BareRecords(OrderedDict[TopicPartition, Any]):
    """What aiokafka's fetcher keeps its answers in until they are asked for.

    It would make a ConsumerRecord of each record, for more than all the rest of a recovery costs; here
    the record of its decoder goes through as it is, which has all that `Record` names."""

    def __setitem__(self, place: TopicPartition, answer: Any) -> None:
        if isinstance(answer, FetchResult):
            answer._partition_records._consumer_record = _bare
        super().__setitem__(place, answer)


def _bare(_place: TopicPartition, record: Any) -> Any:
    return record
