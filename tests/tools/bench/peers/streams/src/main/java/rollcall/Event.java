package rollcall;

import java.util.Map;

/** The canonical event. The order of the fields is the order on the wire. */
final class Event {
    String specversion;
    String id;
    String source;
    String type;
    String subject;
    String time;
    String datacontenttype;
    String dataschema;
    String partitionkey;
    String vendor;
    String tenant;
    String vendortype;
    String timesource;
    String recordedtime;
    String origin;
    Data data;

    static final class Data {
        String snapshot;
        String status;
        Map<String, Object> user;
        Map<String, Object> attributes;
        Score score;
    }

    static final class Score {
        String entry_id;
        long delta;
        Long balance;
        String reason;
        Long reason_code;
        String comment;
    }
}
