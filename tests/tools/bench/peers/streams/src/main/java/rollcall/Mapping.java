package rollcall;

import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/** Makes the canonical event of a body: what app/vendors/selfcommunity.py does with these two kinds of bodies. */
final class Mapping {
    private static final ObjectReader BODIES = Json.reader(Body.class);
    private static final Map<String, String> STATUS = Map.of("a", "active", "b", "blocked");

    private Mapping() {}

    /** Returns the event; null for a body of another kind. `recorded`: the record's timestamp in milliseconds. */
    static Event event(byte[] value, String origin, long recorded) throws IOException {
        Body body = BODIES.readValue(value);
        Event event = new Event();
        if ("user.updated".equals(body.type)) {
            event.data = profile(body.data);
        } else if ("user.score_updated".equals(body.type)) {
            event.data = score(body.data);
        } else {
            return null;
        }
        String subject = (String) event.data.user.get("sub");
        event.specversion = "1.0";
        event.id = body.type + ":" + body.event_id;
        event.source = "/vendors/selfcommunity/default";
        event.type = body.type;
        event.subject = subject;
        event.time = Times.format(body.created.movePointRight(6).longValue());
        event.datacontenttype = "application/json";
        event.dataschema = "urn:rollcall:user-event:1";
        event.partitionkey = "selfcommunity/default/" + subject;
        event.vendor = "selfcommunity";
        event.tenant = "default";
        event.vendortype = body.type;
        event.timesource = "event";
        event.recordedtime = Times.format(recorded * 1_000);
        event.origin = origin;
        return event;
    }

    private static Event.Data profile(Body.Member member) {
        Event.Data data = new Event.Data();
        data.snapshot = "full";
        data.status = STATUS.get(member.status);
        data.user = claims(member);
        data.attributes = attributes(member);
        put(data.attributes, "reputation", member.reputation);
        return orNone(data);
    }

    private static Event.Data score(Body.Member change) {
        Event.Data data = new Event.Data();
        data.snapshot = "partial";
        data.user = claims(change.user);
        data.attributes = attributes(change.user);
        Event.Score score = new Event.Score();
        score.entry_id = change.id.toString();
        score.delta = change.score;
        score.balance = change.user.reputation;
        score.reason = text(change.reputation_type_description);
        score.reason_code = change.reputation_type;
        score.comment = text(change.comment);
        data.score = score;
        return orNone(data);
    }

    private static Event.Data orNone(Event.Data data) {
        if (data.attributes.isEmpty()) {
            data.attributes = null;
        }
        return data;
    }

    private static Map<String, Object> claims(Body.Member member) {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("sub", member.id.toString());
        put(claims, "name", text(member.real_name));
        put(claims, "preferred_username", text(member.username));
        put(claims, "email", text(member.email));
        put(claims, "email_verified", member.email_isvalid);
        String gender = text(member.gender);
        if (gender != null && !gender.equals("Unspecified")) {
            boolean known = gender.equalsIgnoreCase("male") || gender.equalsIgnoreCase("female");
            claims.put("gender", known ? gender.toLowerCase() : gender);
        }
        put(claims, "birthdate", text(member.date_of_birth));
        put(claims, "locale", text(member.language));
        if (text(member.location) != null) {
            claims.put("address", new LinkedHashMap<>(Map.of("formatted", member.location)));
        }
        put(claims, "picture", text(member.avatar));
        put(claims, "website", text(member.website));
        return claims;
    }

    private static Map<String, Object> attributes(Body.Member member) {
        Map<String, Object> attributes = new LinkedHashMap<>();
        put(attributes, "ext_id", member.ext_id == null ? null : text(member.ext_id.toString()));
        put(attributes, "bio", text(member.bio));
        put(attributes, "description", text(member.description));
        put(attributes, "cover", text(member.cover));
        put(attributes, "role", text(member.role));
        put(attributes, "community_badge", member.community_badge);
        if (text(member.date_joined) != null) {
            Instant joined = Instant.parse(member.date_joined);
            attributes.put(
                "date_joined", Times.format(joined.getEpochSecond() * 1_000_000L + joined.getNano() / 1_000));
        }
        put(attributes, "tags", member.tags);
        Map<String, Object> counters = new LinkedHashMap<>();
        put(counters, "followings_counter", member.followings_counter);
        put(counters, "followers_counter", member.followers_counter);
        put(counters, "posts_counter", member.posts_counter);
        put(counters, "discussions_counter", member.discussions_counter);
        put(counters, "statuses_counter", member.statuses_counter);
        put(counters, "polls_counter", member.polls_counter);
        put(counters, "connections_counter", member.connections_counter);
        put(counters, "connection_requests_sent_counter", member.connection_requests_sent_counter);
        put(counters, "connection_requests_received_counter", member.connection_requests_received_counter);
        put(counters, "categories_counter", member.categories_counter);
        if (!counters.isEmpty()) {
            attributes.put("counters", counters);
        }
        return attributes;
    }

    private static String text(String value) {
        return value == null || value.isEmpty() ? null : value;
    }

    private static void put(Map<String, Object> target, String name, Object value) {
        if (value != null) {
            target.put(name, value);
        }
    }
}
