package rollcall;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** `Main GUARANTEE SHAPE BROKER GROUP SOURCE EVENTS`: maps bodies to canonical events, and folds these into rows. */
public final class Main {
    private static final String USERS = "users";
    private static final String LOYALTY = "loyalty";
    private static final byte[] CONTENT_TYPE =
        "application/cloudevents+json; charset=UTF-8".getBytes(StandardCharsets.UTF_8);

    private Main() {}

    public static void main(String[] arguments) {
        String guarantee = arguments[0];
        boolean full = arguments[1].equals("full");
        Topology topology = topology(arguments[4], arguments[5], full);
        KafkaStreams streams = new KafkaStreams(topology, configuration(guarantee, arguments[2], arguments[3]));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1);
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static Properties configuration(String guarantee, String broker, String group) {
        Properties configuration = new Properties();
        configuration.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
        configuration.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
        configuration.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        configuration.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("TMPDIR"));
        // All systems of the comparison commit twice a second.
        configuration.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 500);
        // Room for the rows of all users between two commits, so that a row is written once in that time.
        configuration.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        configuration.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 4_000);
        configuration.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        configuration.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        return configuration;
    }

    private static Topology topology(String source, String events, boolean full) {
        StreamsBuilder builder = new StreamsBuilder();
        Serde<Event> eventSerde = Json.serde(Event.class);
        builder.stream(source, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .process(ToEvent::new)
            .to(events, Produced.with(Serdes.String(), eventSerde));
        if (full) {
            builder.addStateStore(store(USERS, Json.rowSerde(UserRow.class)));
            builder.addStateStore(store(LOYALTY, Json.rowSerde(LoyaltyRow.class)));
            builder.stream(events, Consumed.with(Serdes.String(), eventSerde)).process(ToRows::new, USERS, LOYALTY);
        }
        return builder.build();
    }

    /** In memory, as Rollcall's rows are, with a changelog, and cached: the cheapest that Kafka Streams has. */
    private static <T> StoreBuilder<KeyValueStore<String, T>> store(String name, Serde<T> rows) {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), Serdes.String(), rows)
            .withLoggingEnabled(Map.of())
            .withCachingEnabled();
    }

    private static final class ToEvent extends ContextualProcessor<byte[], byte[], String, Event> {
        @Override
        public void process(Record<byte[], byte[]> body) {
            RecordMetadata from = context().recordMetadata().orElseThrow();
            String origin = from.topic() + "/" + from.partition() + "/" + from.offset();
            try {
                Event event = Mapping.event(body.value(), origin, body.timestamp());
                if (event != null) {
                    Record<String, Event> record = new Record<>(event.partitionkey, event, body.timestamp());
                    record.headers().add("content-type", CONTENT_TYPE);
                    context().forward(record);
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    private static final class ToRows extends ContextualProcessor<String, Event, Void, Void> {
        @Override
        public void process(Record<String, Event> record) {
            KeyValueStore<String, UserRow> users = context().getStateStore(USERS);
            KeyValueStore<String, LoyaltyRow> loyalty = context().getStateStore(LOYALTY);
            String key = record.key();
            Event event = record.value();
            UserRow user = users.get(key);
            if (user == null) {
                user = UserRow.of(event);
            }
            if (user.apply(event)) {
                users.put(key, user);
            }
            if (event.data.score != null) {
                LoyaltyRow row = loyalty.get(key);
                if (row == null) {
                    row = LoyaltyRow.of(event);
                }
                if (row.apply(event)) {
                    loyalty.put(key, row);
                }
            }
        }
    }
}
