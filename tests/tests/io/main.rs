//! Sockets, pipes, files, signals and child processes, as their users see them: the same bodies for every kind of unit
//! where that makes sense.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body runs as every kind of unit, whether it starts others or not"
)]

mod child;
mod ends;
mod files;
mod host;
mod idle;
mod moves;
mod pipes;
mod selects;
mod signals;
mod stdio;
mod streams;
mod waits;

use std::{io, time::Duration};
use vitte_threads::io::{TcpListener, TcpStream, WaitError};

/// Too short to be waited for.
const SHORT: Duration = Duration::from_millis(2);
/// A limit that only a hang reaches.
const LONG: Duration = Duration::from_secs(100);

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (ours, listener.accept().unwrap().0)
}

/// Why a call ended early.
fn why<T>(result: io::Result<T>) -> Option<WaitError> {
    result.err().as_ref().and_then(WaitError::of)
}

macro_rules! all_bodies {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            streams {
                two_hundred_connections_are_answered
                three_hundred_connect_before_any_is_accepted
                a_megabyte_goes_through_in_order_both_ways_at_once
                half_a_connection_ends_and_the_other_goes_on
                the_end_is_read_though_it_came_with_the_last_bytes
                many_accept_from_one_listener
                what_was_peeked_at_is_read_again
                standard_streams_go_in_and_come_out
                a_socket_is_cloned_given_away_and_taken_back
                what_is_set_is_said
                messages_keep_their_bounds_and_their_senders
                connecting_waits_for_room_at_the_listener
                a_message_waits_for_room_at_its_receiver
                connections_within_the_machine_carry_bytes
                a_refused_connection_says_so
            }
            waits {
                a_deadline_ends_a_read_and_nothing_is_lost
                a_stop_ends_reads_and_accepts
                a_timeout_that_was_set_ends_plain_reads
                a_full_connection_ends_a_write_at_its_deadline
                closing_ends_the_reads_of_all_who_share
                closing_a_listener_ends_every_accept
                closing_races_with_reading
                several_wait_for_one_descriptor
                an_empty_read_does_not_wait
            }
            pipes {
                a_pipe_carries_bytes_until_its_writer_goes
                a_pipe_without_reader_is_broken
                a_full_pipe_lets_its_writer_wait
            }
            files {
                what_was_written_is_read
                a_large_file_is_written_read_and_copied_whole
                folders_are_made_listed_and_removed
                who_is_told_to_stop_does_not_begin
                what_never_ends_is_left_between_two_steps
                a_stream_that_was_opened_as_a_file_is_waited_for
                locks_of_a_file_exclude_who_has_opened_it_elsewhere
                names_are_looked_up_and_addresses_are_not
            }
            child {
                what_a_process_writes_is_read_to_the_end
                how_a_process_ended_is_told_as_often_as_one_asks
                a_process_that_a_signal_ended_is_told_apart
                a_program_that_is_not_there_is_an_error_at_the_start
                an_empty_argument_is_kept
                the_two_streams_are_told_apart
                a_wait_with_a_deadline_lets_the_process_run_on
                a_process_is_started_in_other_ways
                a_process_reads_what_it_is_written
                no_zombie_is_left_by_a_handle_that_was_dropped
            }
        }
    };
}

mod threads {
    all_bodies! { vitte_tests::units::Threads }
}

mod fibers {
    all_bodies! { vitte_tests::units::Fibers }
}

mod mixed {
    all_bodies! { vitte_tests::units::Mixed }
}
