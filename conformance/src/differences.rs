//! Where ferrozmq differs from the system's libzmq on purpose, test by test.

/// One difference.
pub struct Difference {
    /// The test that asserts it.
    pub test: &'static str,
    /// What libzmq 4.3.4 does.
    pub libzmq: &'static str,
    /// What ferrozmq does.
    pub ours: &'static str,
    /// Why.
    pub why: &'static str,
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        test: "an_endpoint_is_text",
        libzmq: "takes any bytes as the path of ipc",
        ours: "EINVAL for an endpoint that is not UTF-8",
        why: "endpoints are text wherever they are shown and compared: in Rust, in events, in LAST_ENDPOINT",
    },
    Difference {
        test: "a_publisher_below_its_limit_loses_nothing_for_a_drained_subscriber",
        libzmq: "notices drained queues once in a millisecond, and may drop before it does",
        ours: "looks before it drops",
        why: "a message is dropped only for a queue that is full",
    },
    Difference {
        test: "a_queue_that_was_full_when_its_limit_was_raised_reopens_when_drained",
        libzmq: "the new low-water mark may exceed what is queued; then the queue stays full for ever",
        ours: "a drained queue is writable",
        why: "a sender must not hang on an empty queue",
    },
    Difference {
        test: "the_number_of_exported_functions_is_at_least_that_of_the_stable_api",
        libzmq: "exports the stable functions only (distribution build)",
        ours: "exports the draft functions too",
        why: "one build serves programs of both kinds",
    },
    Difference {
        test: "messages_of_several_parts_make_nothing_readable",
        libzmq: "a socket whose messages have one part is readable for a message of several, which it drops then",
        ours: "is readable for what can be received",
        why: "who receives what a poll has shown does not wait",
    },
    Difference {
        test: "statistics_count_parts",
        libzmq: "4.3.4 counts whole messages",
        ours: "counts parts",
        why: "as later versions of libzmq do",
    },
    Difference {
        test: "small_bodies_are_inside_the_structure",
        libzmq: "keeps up to 33 bytes inside zmq_msg_t",
        ours: "keeps up to 48 bytes",
        why: "fewer allocations; the documentation promises no number",
    },
    Difference {
        test: "nodrop_refuses_instead_of_dropping",
        libzmq: "a drained queue of 5 has room for 3: credit comes at the low-water mark only",
        ours: "a drained queue has all of its room",
        why: "a sender must not wait for an empty queue",
    },
    Difference {
        test: "capture_does_not_get_control_messages",
        libzmq: "4.3.4 sends the commands to the capture socket too",
        ours: "only what passes is captured",
        why: "as later versions of libzmq do",
    },
    Difference {
        test: "a_transport_that_is_not_built_is_eprotonosupport_for_every_type",
        libzmq: "the distribution's build has pgm and norm: ENOCOMPATPROTO for types that they are not for",
        ours: "EPROTONOSUPPORT",
        why: "as a libzmq without them",
    },
    Difference {
        test: "tcp_bind_to_a_host_name_resolves_it",
        libzmq: "4.3.4 takes addresses and interface names only: ENODEV",
        ours: "resolves the name",
        why: "as later versions of libzmq do",
    },
    Difference {
        test: "tcp_connect_refuses_a_port_that_is_none",
        libzmq: "reads the leading digits and cuts them to 16 bits",
        ours: "EINVAL",
        why: "a mistyped port must not reach another service",
    },
    Difference {
        test: "every_address_of_a_name_is_tried_before_it_is_waited",
        libzmq: "tries the first address of a name only",
        ours: "tries each in turn, and waits then",
        why: "a name with one address that works is a name that works",
    },
    Difference {
        test: "an_address_where_nobody_shakes_hands_is_passed_over",
        libzmq: "tries the first address of a name only",
        ours: "tries the next one, at once",
        why: "as above",
    },
    Difference {
        test: "the_delay_grows_by_the_round_and_not_by_the_address",
        libzmq: "tries the first address of a name only",
        ours: "tries each in turn; the delay grows when none has answered",
        why: "as above",
    },
    Difference {
        test: "addresses_of_both_families_are_tried_if_both_may_be_used",
        libzmq: "tries the first address of a name only, mostly that of IPv6",
        ours: "tries those of both families in turn",
        why: "as above",
    },
    Difference {
        test: "an_endpoint_ends_by_a_refusal_only_when_all_refuse",
        libzmq: "tries the first address of a name only",
        ours: "is refused when every address is",
        why: "as above",
    },
    Difference {
        test: "with_handover_a_peer_need_not_wait_for_the_end_of_its_old_connection",
        libzmq: "leaves the connection open from which the id was taken",
        ours: "closes it",
        why: "nobody will ever use it again",
    },
    Difference {
        test: "a_failed_bind_is_preceded_by_the_end_of_its_own_descriptor",
        libzmq: "CLOSED, without an endpoint, for the descriptor that it could not bind; then BIND_FAILED",
        ours: "BIND_FAILED only",
        why: "CLOSED is the end of a connection or listener that events spoke of before",
    },
    Difference {
        test: "a_failed_receive_leaves_a_valid_message",
        libzmq: "a receive that finds nothing empties the message, with most socket types",
        ours: "leaves it as it was",
        why: "a call that fails changes nothing",
    },
    Difference {
        test: "tcp_connect_refuses_an_address_that_is_none",
        libzmq: "takes what has no host, or a bracket or colon too many, and connects in vain",
        ours: "EINVAL",
        why: "nobody would be told of the mistake",
    },
    Difference {
        test: "an_address_of_an_accept_filter_has_four_numbers",
        libzmq: "reads fewer numbers as inet_aton does: 1.2.3 is 1.2.0.3",
        ours: "EINVAL",
        why: "a mistyped filter must not let others in",
    },
    Difference {
        test: "a_stream_tells_the_id_of_its_newest_connection_that_was_given_one_too",
        libzmq: "tells the newest id that was made up",
        ours: "tells the id of the newest connection",
        why: "that is what the option is for",
    },
    Difference {
        test: "a_message_of_nothing_has_an_address",
        libzmq: "NULL for a message made of NULL and 0 bytes",
        ours: "never NULL",
        why: "who reads a message need not look for NULL first",
    },
    Difference {
        test: "a_req_that_has_not_asked_hears_of_the_shutdown",
        libzmq: "EFSM, until it looks for commands",
        ours: "ETERM",
        why: "after the shutdown every call says so",
    },
    Difference {
        test: "a_secret_key_of_another_length_is_einval",
        libzmq: "makes a public key of what lies behind a short one, and writes beyond its buffer for a long one",
        ours: "EINVAL",
        why: "a key has 40 characters",
    },
    Difference {
        test: "a_context_has_the_threads_that_were_asked_for",
        libzmq: "has a thread beside them that closes sockets",
        ours: "none but those",
        why: "nothing is left to do for it",
    },
    Difference {
        test: "a_udp_address_in_use_or_of_another_machine_fails_the_bind",
        libzmq: "binds in the background: 0, and nothing ever comes",
        ours: "EADDRINUSE, EADDRNOTAVAIL",
        why: "who binds wants to know",
    },
    Difference {
        test: "a_udp_port_that_was_made_up_is_told",
        libzmq: "ZMQ_LAST_ENDPOINT has the asterisk",
        ours: "it has the port",
        why: "nobody could send there",
    },
    Difference {
        test: "what_is_to_be_secured_is_not_in_the_clear_over_udp",
        libzmq: "ignores what was set",
        ours: "ENOCOMPATPROTO",
        why: "udp has no security, and who asked for some must not go without",
    },
    Difference {
        test: "a_stream_ends_a_connection_at_once",
        libzmq: "when the socket is next used",
        ours: "at once",
        why: "the peer waits for it",
    },
    Difference {
        test: "a_disconnect_ends_the_connection_at_once",
        libzmq: "when the socket is next used",
        ours: "at once",
        why: "as above",
    },
    Difference {
        test: "a_pair_whose_peer_has_left_takes_another",
        libzmq: "refuses another one until the socket has been used",
        ours: "takes it",
        why: "the place is free",
    },
    Difference {
        test: "a_peer_that_says_everything_in_one_go_is_heard",
        libzmq: "refuses messages that come before it has said READY itself",
        ours: "hears it",
        why: "nothing in the protocol makes the peer wait",
    },
    Difference {
        test: "a_pull_does_not_receive_subscriptions",
        libzmq: "hands the command over as a message, name and all",
        ours: "drops it",
        why: "a command is none of the application's",
    },
    Difference {
        test: "an_xpub_does_not_receive_the_end_of_an_unknown_subscription",
        libzmq: "hands it over",
        ours: "drops it",
        why: "it never was in force",
    },
    Difference {
        test: "a_peer_gives_itself_no_user_id",
        libzmq: "says what the peer has said of itself",
        ours: "does not",
        why: "the user id is what a ZAP handler has found out",
    },
    Difference {
        test: "a_handler_is_not_asked_about_who_has_left",
        libzmq: "asks about peers that are gone",
        ours: "does not",
        why: "thousands of them would keep the others waiting",
    },
    Difference {
        test: "a_peer_that_is_put_off_is_let_go_if_it_was_ready",
        libzmq: "keeps the connection until the handshake has taken too long",
        ours: "ends it, with NULL",
        why: "no answer can follow",
    },
    Difference {
        test: "the_end_of_an_old_peer_is_no_failed_handshake",
        libzmq: "HANDSHAKE_FAILED_NO_DETAIL before DISCONNECTED, for ZMTP 1 and 2",
        ours: "DISCONNECTED",
        why: "the handshake was over long before",
    },
    Difference {
        test: "an_ipc_connection_that_never_was_has_no_descriptor",
        libzmq: "CLOSED has the descriptor of the attempt",
        ours: "it has -1",
        why: "the descriptor is closed, and no event has named it",
    },
    Difference {
        test: "a_handshake_that_takes_too_long_is_etimedout",
        libzmq: "HANDSHAKE_FAILED_NO_DETAIL has the errno of some call before",
        ours: "it has ETIMEDOUT",
        why: "that is the reason",
    },
    Difference {
        test: "a_monitor_takes_the_place_of_another_of_its_name",
        libzmq: "EADDRINUSE while the old one is being closed",
        ours: "takes the place",
        why: "it ends by the call that replaces it",
    },
    Difference {
        test: "v06_metadata_of_any_size_fits_or_is_refused",
        libzmq: "takes a handshake of any size",
        ours: "ends the connection at 24 KiB, or 28 KiB with 128 bytes added for each property",
        why: "what is held for a peer that has proved nothing has a limit",
    },
];

/// A row of `data/` whose option answers otherwise than libzmq 4.3.4, on purpose.
pub struct RowDifference {
    /// Its name.
    pub row: &'static str,
    /// What libzmq 4.3.4 does.
    pub libzmq: &'static str,
    /// What ferrozmq does.
    pub ours: &'static str,
    /// Why.
    pub why: &'static str,
}

/// All of them.
pub const ROW_DIFFERENCES: &[RowDifference] = &[];

/// Whether the row is in the table.
pub fn is_known_row(row: &str) -> bool {
    ROW_DIFFERENCES.iter().any(|difference| difference.row == row)
}

/// The first value on the system's libzmq, the second one on ferrozmq; `name` must be in the table.
#[macro_export]
macro_rules! differs {
    ($name:literal, libzmq: $libzmq:expr, ours: $ours:expr $(,)?) => {{
        assert!($crate::differences::is_documented($name), "{} is not in differences.rs", $name);
        if $crate::is_system() { $libzmq } else { $ours }
    }};
}

/// Whether the test is in the table.
pub fn is_documented(test: &str) -> bool {
    DIFFERENCES.iter().any(|difference| difference.test == test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_asserted_by_a_test() {
        let sources = crate::sources::tests();
        for difference in DIFFERENCES {
            assert!(
                sources.contains(&format!("\"{}\"", difference.test))
                    && sources.contains(&format!("fn {}", difference.test)),
                "{}: no such test",
                difference.test
            );
        }
    }
}
