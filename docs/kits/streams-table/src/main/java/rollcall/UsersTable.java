package rollcall;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;

/**
 * The users table as a KTable: UsersTable BROKER TOPIC APPLICATION STATE_FOLDER
 *
 * <p>Prints a line for each change of a user: the key and the e-mail address, or `gone`.
 */
public final class UsersTable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private UsersTable() {}

    /** Returns the users who are there. A deletion comes as a marker, and here it removes the user at once. */
    static KTable<String, String> users(StreamsBuilder builder, String topic) {
        return builder.table(topic, Consumed.with(Serdes.String(), Serdes.String()), Materialized.as("users"))
                .filter((key, row) -> isUser(row));
    }

    /** Returns whether the row is of a user: no marker of a deletion, and nothing that somebody else wrote. */
    static boolean isUser(String row) {
        try {
            JsonNode read = JSON.readTree(row);
            return read.isObject() && !"deleted".equals(read.path("status").asText());
        } catch (JsonProcessingException e) {
            return false;
        }
    }

    static String email(String row) {
        try {
            return JSON.readTree(row).at("/profile/email").asText("-");
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    static Topology topology(String topic, Properties settings) {
        StreamsBuilder builder = new StreamsBuilder();
        // The stream of the table's own changes. A join of users.events with this table would meet most rows too
        // late, because a row is written after its event.
        users(builder, topic)
                .toStream()
                .foreach((key, row) -> System.out.println(key + "\t" + (row == null ? "gone" : email(row))));
        return builder.build(settings);
    }

    public static void main(String[] args) throws InterruptedException {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
        // The store "users" is restored from Rollcall's topic, so this application writes no topic of its own.
        settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        // Without a cache each change comes at once, and not with the next commit.
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        KafkaStreams streams = new KafkaStreams(topology(args[1], settings), settings);
        CountDownLatch stopped = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(problem -> StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
        streams.setStateListener((state, before) -> {
            if (state == KafkaStreams.State.NOT_RUNNING || state == KafkaStreams.State.ERROR) {
                stopped.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        stopped.await();
    }
}
