package rollcall;

import java.util.ArrayList;
import java.util.List;

/** The row of a user's reputation: the newest stated balance, and the newest 20 entries, newest first. */
final class LoyaltyRow {
    private static final int ENTRIES_KEPT = 20;

    String vendor;
    String tenant;
    String sub;
    Balance reputation;
    List<Entry> entries = new ArrayList<>();

    static final class Balance {
        long value;
        long as_of;
    }

    static final class Entry {
        String id;
        String kind;
        long delta;
        Long balance;
        String reason;
        String at;
    }

    static LoyaltyRow of(Event event) {
        LoyaltyRow row = new LoyaltyRow();
        row.vendor = event.vendor;
        row.tenant = event.tenant;
        row.sub = event.subject;
        return row;
    }

    /** Returns whether the event, which has a score, has changed the row. */
    boolean apply(Event event) {
        boolean changed = false;
        long at = Times.parse(event.time);
        Event.Score score = event.data.score;
        if (score.balance != null && (reputation == null || at > reputation.as_of)) {
            reputation = new Balance();
            reputation.value = score.balance;
            reputation.as_of = at;
            changed = true;
        }
        int index = 0;
        while (index < entries.size() && comesBefore(entries.get(index), event)) {
            index++;
        }
        if (index == ENTRIES_KEPT || entries.stream().anyMatch(it -> it.id.equals(event.id))) {
            return changed;
        }
        entries.add(index, entry(event, score));
        if (entries.size() > ENTRIES_KEPT) {
            entries.remove(ENTRIES_KEPT);
        }
        return true;
    }

    private static boolean comesBefore(Entry entry, Event event) {
        int order = entry.at.compareTo(event.time);
        return order > 0 || (order == 0 && entry.id.compareTo(event.id) > 0);
    }

    private static Entry entry(Event event, Event.Score score) {
        Entry entry = new Entry();
        entry.id = event.id;
        entry.kind = "reputation";
        entry.delta = score.delta;
        entry.balance = score.balance;
        entry.reason = score.reason;
        entry.at = event.time;
        return entry;
    }
}
