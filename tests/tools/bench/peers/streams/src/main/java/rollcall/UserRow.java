package rollcall;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The row of a user: each claim, each attribute and the status is a last-writer-wins register.
 *
 * <p>`as_of` is the stamp of the last full snapshot, and of every register that has none in `stamps`. What a full
 * snapshot does not carry, it clears. There are no deletions, settings, presences and ties here: the bodies of the
 * bench have none.
 */
final class UserRow {
    private static final String MEMBER = "profile.address.";

    String vendor;
    String tenant;
    String sub;
    String status;
    boolean complete;
    Map<String, Object> profile = new HashMap<>();
    Map<String, Object> attributes = new HashMap<>();
    Map<String, Object> settings = new HashMap<>();
    String updated_at;
    Long as_of;
    Map<String, Long> stamps = new HashMap<>();

    static UserRow of(Event event) {
        UserRow row = new UserRow();
        row.vendor = event.vendor;
        row.tenant = event.tenant;
        row.sub = event.subject;
        return row;
    }

    /** Returns whether the event has changed the row. */
    boolean apply(Event event) {
        long at = Times.parse(event.time);
        boolean changed = false;
        if (event.data.snapshot.equals("full") && (as_of == null || at > as_of)) {
            takeSnapshot(at);
            changed = true;
        }
        for (Map.Entry<String, Object> claim : event.data.user.entrySet()) {
            String name = claim.getKey();
            if (name.equals("address")) {
                for (Map.Entry<?, ?> part : ((Map<?, ?>) claim.getValue()).entrySet()) {
                    changed |= put(address(), MEMBER + part.getKey(), (String) part.getKey(), part.getValue(), at);
                }
            } else if (!name.equals("sub")) {
                changed |= put(profile, "profile." + name, name, claim.getValue(), at);
            }
        }
        if (event.data.attributes != null) {
            for (Map.Entry<String, Object> each : event.data.attributes.entrySet()) {
                changed |= put(attributes, "attributes." + each.getKey(), each.getKey(), each.getValue(), at);
            }
        }
        if (event.data.status != null) {
            changed |= putStatus(event.data.status, at);
        }
        boolean carries = event.data.user.size() > 1 || event.data.attributes != null;
        if (carries && (updated_at == null || event.time.compareTo(updated_at) > 0)) {
            updated_at = event.time;
            changed = true;
        }
        return changed;
    }

    /** Clears what is older than the snapshot of the time `at`, and stamps what is newer. */
    private void takeSnapshot(long at) {
        if (status != null && !stamps.containsKey("status")) {
            stamps.put("status", as_of);
        }
        clear(profile, "profile.", at);
        clear(attributes, "attributes.", at);
        stamps.entrySet().removeIf(it -> !it.getKey().equals("status") && it.getValue() <= at);
        as_of = at;
        complete = true;
    }

    private void clear(Map<String, Object> group, String prefix, long at) {
        group.entrySet().removeIf(it -> {
            if (prefix.equals("profile.") && it.getKey().equals("address")) {
                Map<?, ?> parts = (Map<?, ?>) it.getValue();
                parts.keySet().removeIf(part -> !newer(MEMBER + part, at));
                return parts.isEmpty();
            }
            return !newer(prefix + it.getKey(), at);
        });
    }

    private boolean newer(String register, long at) {
        Long stamp = stamps.get(register);
        return stamp != null && stamp > at;
    }

    private boolean put(Map<String, Object> group, String register, String name, Object value, long at) {
        Long stamp = stamps.get(register);
        long held = stamp != null ? stamp : as_of != null ? as_of : Long.MIN_VALUE;
        if (at < held || (at == held && group.containsKey(name))) {
            return false;
        }
        group.put(name, value);
        if (as_of != null && at == as_of) {
            stamps.remove(register);
        } else {
            stamps.put(register, at);
        }
        return true;
    }

    private boolean putStatus(String value, long at) {
        Long stamp = stamps.get("status");
        long held = stamp != null ? stamp : status != null && as_of != null ? as_of : Long.MIN_VALUE;
        if (at <= held) {
            return false;
        }
        status = value;
        if (as_of != null && at == as_of) {
            stamps.remove("status");
        } else {
            stamps.put("status", at);
        }
        return true;
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> address() {
        return (Map<String, Object>) profile.computeIfAbsent("address", name -> new LinkedHashMap<String, Object>());
    }
}
