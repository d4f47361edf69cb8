package rollcall;

import java.math.BigDecimal;
import java.util.List;

/** A body of SelfCommunity: `user.updated` has a member as its data, `user.score_updated` a score of a member. */
final class Body {
    Object event_id;
    String type;
    BigDecimal created;
    Member data;

    /** A user; in the data of a score also the score, with its user inside. */
    static final class Member {
        Object id;
        String username;
        String real_name;
        String email;
        Boolean email_isvalid;
        String date_joined;
        String bio;
        String location;
        String date_of_birth;
        String description;
        String gender;
        String status;
        String website;
        String avatar;
        String cover;
        Object ext_id;
        List<Object> tags;
        Long reputation;
        Boolean community_badge;
        String language;
        String role;
        Long followings_counter;
        Long followers_counter;
        Long posts_counter;
        Long discussions_counter;
        Long statuses_counter;
        Long polls_counter;
        Long connections_counter;
        Long connection_requests_sent_counter;
        Long connection_requests_received_counter;
        Long categories_counter;

        Member user;
        Long score;
        Long reputation_type;
        String reputation_type_description;
        String comment;
    }
}
