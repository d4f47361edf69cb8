"""Every private part of aiokafka that the engine replaces or calls, with the reason and the state upstream.

aiokafka is pinned exactly (`app/versions.py`), because none of these parts is promised to stay. The list is
`PRIVATE_PARTS`. tests/engine/test_aiokafka_patches.py checks that each part exists in the pinned version, and
that no module of the engine uses a private part that is not listed for it. So an upgrade names what broke.
"""

from typing import Final, NamedTuple


class PrivateParts(NamedTuple):
    """Private parts of aiokafka that are used together, for one reason."""

    names: tuple[str, ...]
    """Module, class and attribute of each part, with dots between them."""
    modules: tuple[str, ...]
    """The modules that use all of these parts, relative to `app.engine`."""
    why: str
    upstream: str = "no issue is known to us"


PRIVATE_PARTS: Final = (
    PrivateParts(
        names=(
            "aiokafka.protocol.metadata.MetadataRequest",
            "aiokafka.protocol.metadata.MetadataRequest.build",
            "aiokafka.protocol.metadata.MetadataRequest._allow_auto_topic_creation",
            "aiokafka.protocol.metadata.MetadataRequestStruct",
        ),
        modules=("aiokafka_patches",),
        why="Replaced: a metadata request must not create a topic. aiokafka asks the broker to create a"
        " missing topic that a client only looks at, and has no option for it. With Kafka's default,"
        " auto.create.topics.enable=true, the topic then gets the broker's partition count and cleanup"
        " policy.",
        upstream="no issue is known to us; the Java client has had an option since KIP-361",
    ),
    PrivateParts(
        names=(
            "aiokafka.conn.collect_hosts",
            "aiokafka.conn.create_conn",
            "aiokafka.protocol.metadata.MetadataRequest",
        ),
        modules=("preflight",),
        why="Called: a client tries all brokers, logs each reason, and raises only that no broker answers.",
    ),
    PrivateParts(
        names=("aiokafka.errors.kafka_errors",),
        modules=("aiokafka_patches",),
        why="Extended: error codes 81, 82 and 87 have no class. All of them would be an UnknownError, so"
        " nobody could tell that a record is refused (producer/refusals.py), or that the group is full"
        " (consumer/coordinator_watch.py).",
    ),
    PrivateParts(
        names=("aiokafka.partitioner.murmur2",),
        modules=("producer.partitioner",),
        why="Called if the package murmurhash2 cannot be imported.",
    ),
    PrivateParts(
        names=(
            "aiokafka.consumer.fetcher.FetchResult",
            "aiokafka.consumer.fetcher.MemoryRecords",
        ),
        modules=("aiokafka_patches",),
        why="Replaced by classes of lenient_records and fetched_records. A header name that is not UTF-8"
        " raises in the compiled decoder, and does so again after each restart. A record of message format v0"
        " has no timestamp. Batches are inflated without any bound: a record of 27 KB took 1.8 GB.",
    ),
    PrivateParts(
        names=(
            "aiokafka.record.legacy_records.gzip_decode",
            "aiokafka.record.legacy_records.lz4_decode",
            "aiokafka.record.legacy_records.snappy_decode",
        ),
        modules=("aiokafka_patches",),
        why="Replaced by the bounded ones of `inflation`, here and in the compiled module: the decoder of the"
        " message formats v0 and v1 inflates on its own.",
    ),
    PrivateParts(
        names=(
            "aiokafka.record.memory_records.MemoryRecords",
            "aiokafka.record.default_records.DefaultRecordBatch",
        ),
        modules=("record_batches.lenient_records",),
        why="Called by LenientRecords: the compiled decoder reads the head of a batch, and inflated batches.",
    ),
    PrivateParts(
        names=("aiokafka.record.default_records.DefaultRecordBatch",),
        modules=("record_batches.open_batches",),
        why="Called: the parts of a large batch are decoded as batches of their own.",
    ),
    PrivateParts(
        names=(
            "aiokafka.record.default_records._DefaultRecordBatchPy",
            "aiokafka.record.default_records._DefaultRecordBatchPy._buffer",
        ),
        modules=("record_batches.lenient_decoder",),
        why="Extended: the decoder in Python reads the batches that the compiled one refuses.",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaConsumer._fetcher",
            "aiokafka.consumer.fetcher.Fetcher._records",
            "aiokafka.consumer.fetcher.FetchResult",
            "aiokafka.consumer.fetcher.FetchResult._partition_records",
            "aiokafka.consumer.fetcher.FetchResult._assignment",
            "aiokafka.consumer.fetcher.FetchResult._topic_partition",
            "aiokafka.consumer.fetcher.FetchResult._update_position",
            "aiokafka.consumer.fetcher.FetchResult.check_assignment",
            "aiokafka.consumer.fetcher.FetchResult.has_more",
            "aiokafka.consumer.fetcher.PartitionRecords",
            "aiokafka.consumer.fetcher.PartitionRecords._aborted_producers",
            "aiokafka.consumer.fetcher.PartitionRecords._check_crcs",
            "aiokafka.consumer.fetcher.PartitionRecords._consume_aborted_up_to",
            "aiokafka.consumer.fetcher.PartitionRecords._consumer_record",
            "aiokafka.consumer.fetcher.PartitionRecords._contains_abort_marker",
            "aiokafka.consumer.fetcher.PartitionRecords._isolation_level",
            "aiokafka.consumer.fetcher.PartitionRecords._records",
            "aiokafka.consumer.fetcher.PartitionRecords._records_iterator",
            "aiokafka.consumer.fetcher.PartitionRecords._tp",
        ),
        modules=("record_batches.fetched_records",),
        why="Extended: what one getmany returns, and what stays inflated between two, is bounded. The moves"
        " of the position are noted, because getmany does not say which offsets it has read without a record"
        " in them. Building a ConsumerRecord of each record costs more than the rest of a restore.",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaConsumer._fetcher",
            "aiokafka.consumer.fetcher.Fetcher",
            "aiokafka.consumer.fetcher.Fetcher._proc_fetch_request",
        ),
        modules=("consumer.fetch_pace",),
        why="Wrapped: aiokafka fetches again at once, and then gets the few records of that moment. It has"
        " only `fetch_min_bytes`, with which a record that comes alone waits, too.",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaConsumer._coordinator",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.generation",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.fetch_committed_offsets",
        ),
        modules=("consumer.client_thread",),
        why="Called: committed offsets are read together with their metadata, which the public call leaves"
        " out. A member that was expelled has no generation.",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaConsumer._coordinator",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._do_heartbeat",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.generation",
        ),
        modules=("consumer.membership",),
        why="The heartbeat is wrapped for one consumer, because aiokafka keeps the time of the last answered"
        " one in a local variable. The generation says whether the group has gone on without this member.",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaConsumer._client",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._push_error_to_user",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._coordination_task",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._closing",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.request_rejoin",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.coordinator_id",
            "aiokafka.client.AIOKafkaClient.cluster",
            "aiokafka.cluster.ClusterMetadata.add_listener",
        ),
        modules=("consumer.membership",),
        why="Replaced for one consumer: aiokafka keeps an answer of the coordinator that it takes for fatal"
        " until the next fetch, and while the flow is stopped there is none. A heartbeat that got such an"
        " answer is never begun again, except by joining again (consumer/coordinator_watch.py).",
        upstream="no issue is known to us; a comment in the replaced method asks the question",
    ),
    PrivateParts(
        names=(
            "aiokafka.consumer.group_coordinator.GroupCoordinator.reset_generation",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.generation",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.member_id",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.group_id",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._closing",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._send_req",
            "aiokafka.protocol.api.Request",
            "aiokafka.protocol.api.RequestStruct",
            "aiokafka.protocol.api.Response",
            "aiokafka.protocol.types.Int16",
            "aiokafka.protocol.types.Int32",
            "aiokafka.protocol.types.Schema",
            "aiokafka.protocol.types.String",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._subscription",
            "aiokafka.consumer.subscription_state.SubscriptionState.assign_from_subscribed",
            "aiokafka.protocol.admin.DescribeGroupsRequest",
            "aiokafka.coordinator.protocol.ConsumerProtocol",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._client",
            "aiokafka.client.AIOKafkaClient.cluster",
        ),
        modules=("consumer.static_member",),
        why="Replaced for the consumer of a static member: aiokafka's heartbeats and commits do not carry the"
        " group instance id. So a member that was replaced hears UNKNOWN_MEMBER_ID, forgets its member id,"
        " and replaces the other one in turn. The question with the instance id is a request of our own. The"
        " assignment of the whole group, which is asked for as well, aiokafka tells the leader only; and it"
        " fails for a partition of a topic that the process before has read and this one does not.",
    ),
    PrivateParts(
        names=(
            "aiokafka.admin.AIOKafkaAdminClient",
            "aiokafka.admin.AIOKafkaAdminClient._send_request_to_node",
            "aiokafka.protocol.api.Request",
            "aiokafka.protocol.api.RequestStruct",
            "aiokafka.protocol.api.Response",
            "aiokafka.protocol.types.Array",
            "aiokafka.protocol.types.Int16",
            "aiokafka.protocol.types.Int32",
            "aiokafka.protocol.types.Schema",
            "aiokafka.protocol.types.String",
        ),
        modules=("consumer.leave_group",),
        why="Called with a request of our own: aiokafka has no call that removes a static member.",
    ),
    PrivateParts(
        names=(
            "aiokafka.admin.AIOKafkaAdminClient",
            "aiokafka.admin.AIOKafkaAdminClient._send_request",
            "aiokafka.protocol.api.Request",
            "aiokafka.protocol.api.RequestStruct",
            "aiokafka.protocol.api.Response",
            "aiokafka.protocol.types.Array",
            "aiokafka.protocol.types.Boolean",
            "aiokafka.protocol.types.Int16",
            "aiokafka.protocol.types.Int32",
            "aiokafka.protocol.types.Schema",
            "aiokafka.protocol.types.String",
        ),
        modules=("topic_rights",),
        why="Called with a request of our own: aiokafka has no call that tells which rights are missing.",
    ),
    PrivateParts(
        names=(
            "aiokafka.admin.AIOKafkaAdminClient",
            "aiokafka.admin.AIOKafkaAdminClient._send_request_to_node",
            "aiokafka.protocol.commit.OffsetCommitRequest",
            "aiokafka.protocol.commit.OffsetFetchRequest",
            "aiokafka.protocol.offset.OffsetRequest",
        ),
        modules=("consumer.group_commits",),
        why="Called: the admin client cannot commit, and takes an answer with an error for one without"
        " commits.",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaConsumer._coordinator",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.generation",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.group_id",
            "aiokafka.consumer.group_coordinator.GroupCoordinator.member_id",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._group_instance_id",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._coordination_task",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._heartbeat_task",
            "aiokafka.consumer.group_coordinator.GroupCoordinator._send_req",
            "aiokafka.protocol.group.LeaveGroupRequest",
        ),
        modules=("consumer.membership",),
        why="Called: a worker that ends with code 70 leaves its group. aiokafka's own close() first waits for"
        " the end of a rebalance, which waits for the event loop. Its _maybe_leave_group() does not say"
        " whether the coordinator has confirmed, and forgets the member: a commit that is tried again after"
        " that would be accepted from anybody while the group is empty.",
    ),
    PrivateParts(
        names=("aiokafka.consumer.group_coordinator.GroupCoordinator.request_rejoin",),
        modules=("consumer.client_thread",),
        why="Called: a rebalance is asked for when a partition is resumed whose tables were not read.",
    ),
    PrivateParts(
        names=("aiokafka.AIOKafkaConsumer._subscription",),
        modules=("consumer.client_thread",),
        why="Read: the public call for a position waits until there is one, and those for the last stable"
        " offset and the high watermark raise while partitions are reassigned.",
    ),
    PrivateParts(
        names=("aiokafka.AIOKafkaConsumer._client",),
        modules=("consumer.client_thread",),
        why="Called: closes the connections if the consumer's own stop() fails because a broker is away.",
        upstream="aiokafka #1013 asks how to close a client whose brokers do not answer; it is open",
    ),
    PrivateParts(
        names=("aiokafka.AIOKafkaConsumer._client", "aiokafka.client.AIOKafkaClient.add_topic"),
        modules=("log_reader",),
        why="Called: a client that is asked for offsets of a topic that it does not know waits for 0.1 s.",
    ),
    PrivateParts(
        names=(
            "aiokafka.producer.message_accumulator.BatchBuilder",
            "aiokafka.producer.message_accumulator.BatchBuilder._builder",
            "aiokafka.producer.message_accumulator.BatchBuilder._relative_offset",
            "aiokafka.producer.message_accumulator.BatchBuilder._build",
            "aiokafka.record.default_records.DefaultRecordBatchBuilder",
            "aiokafka.record.default_records.DefaultRecordBatchBuilder.estimate_size_in_bytes",
            "aiokafka.record.memory_records.MemoryRecords",
        ),
        modules=("producer.batches",),
        why="Called: records are appended without the serializers and checks, which cost as much as the rest"
        " of an append. The records of a refused batch are read back from its bytes.",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaProducer._txn_manager",
            "aiokafka.producer.transaction_manager.TransactionManager.increment_sequence_number",
        ),
        modules=("producer.request_groups",),
        why="Called: takes the sequence numbers of a refused batch back, because the broker has none of its"
        " records. Otherwise the next batch of the partition fails with OutOfOrderSequenceNumber.",
        upstream="aiokafka #1017 reports producers that never recover from that error; it is open",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaProducer._closed",
            "aiokafka.AIOKafkaProducer._sender",
            "aiokafka.AIOKafkaProducer.client",
            "aiokafka.producer.sender.Sender.sender_task",
        ),
        modules=("producer.producer_client",),
        why="Called: closes a producer without waiting until a broker takes what is left.",
        upstream="aiokafka #1101 reports that stop() never returns while the brokers are away; it is open",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaProducer.client",
            "aiokafka.client.AIOKafkaClient._conns",
            "aiokafka.conn.AIOKafkaConnection._writer",
        ),
        modules=("producer.producer_client",),
        why="Read: before a process ends, its connections are ended by their sockets. aiokafka needs the"
        " event loop for that, which stands still (departure.py).",
    ),
    PrivateParts(
        names=(
            "aiokafka.AIOKafkaProducer._message_accumulator",
            "aiokafka.producer.message_accumulator.MessageAccumulator.reenqueue",
            "aiokafka.producer.message_accumulator.MessageBatch.tp",
        ),
        modules=("producer.producer_client",),
        why="Extended: batches that are sent again are counted. aiokafka does not tell of them.",
    ),
    PrivateParts(
        names=(
            "aiokafka.client.AIOKafkaClient.get_random_node",
            "aiokafka.client.AIOKafkaClient.send",
            "aiokafka.protocol.api.Request",
            "aiokafka.protocol.api.RequestStruct",
            "aiokafka.protocol.api.Response",
            "aiokafka.protocol.types.CompactArray",
            "aiokafka.protocol.types.CompactString",
            "aiokafka.protocol.types.Int16",
            "aiokafka.protocol.types.Int32",
            "aiokafka.protocol.types.Int64",
            "aiokafka.protocol.types.Schema",
            "aiokafka.protocol.types.TaggedFields",
        ),
        modules=("broker_clock",),
        why="Called: aiokafka does not know DescribeQuorum, whose answer has the time of the brokers' clock.",
    ),
)
