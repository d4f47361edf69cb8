package rollcall;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** Instants as microseconds since 1970, and as RFC 3339 text in UTC with six digits. */
final class Times {
    private static final long MINUTE = 60_000_000L;
    private static final DateTimeFormatter TO_MINUTE =
        DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:").withZone(ZoneOffset.UTC);

    private static long knownMinute = Long.MIN_VALUE;
    private static String known;

    private Times() {}

    /** Only one stream thread calls it. Neighbours mostly share their minute, so that is formatted once. */
    static String format(long micros) {
        long minute = Math.floorDiv(micros, MINUTE);
        if (minute != knownMinute) {
            known = TO_MINUTE.format(Instant.ofEpochSecond(minute * 60));
            knownMinute = minute;
        }
        String rest = Long.toString(Math.floorMod(micros, MINUTE) + 100_000_000L);
        return known + rest.substring(1, 3) + "." + rest.substring(3) + "Z";
    }

    static long parse(String text) {
        Instant at = Instant.parse(text);
        return at.getEpochSecond() * 1_000_000L + at.getNano() / 1_000;
    }
}
