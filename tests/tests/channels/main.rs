//! Channels, as their users see them: the same bodies for every kind of unit.
//!
//! Each kind of unit gets a module at the end.

mod close;
mod drops;
mod from_crossbeam;
mod from_go;
mod from_std;
mod order;
mod rendezvous;
mod show;
mod timed;
mod units;

macro_rules! all_bodies {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            order {
                smoke
                each_producer_s_values_arrive_in_its_order
                a_sender_made_while_others_send_counts
                zero_sized_values_are_counted
                large_values_arrive_whole
                a_ping_pong_ends
            }
            close {
                what_is_inside_survives_closing
                closing_from_either_end_is_the_same
                blocked_producers_get_their_values_back
                closing_loses_and_duplicates_nothing
                a_blocked_receiver_wakes_when_the_last_sender_goes
                a_blocked_sender_wakes_when_the_receiver_goes
            }
            drops {
                values_inside_are_dropped_once_with_the_receiver
                values_inside_are_dropped_once_with_the_channel
                a_rejected_value_is_not_dropped
                senders_racing_with_the_receiver_s_end_drop_each_value_once
            }
            timed {
                a_full_channel_returns_the_value
                a_send_that_times_out_returns_the_value
                a_receive_that_times_out_leaves_nothing_behind
                a_stop_ends_a_blocked_send_and_a_blocked_receive
                a_cancellation_ends_a_blocked_send_and_a_blocked_receive
                a_timed_out_sender_leaves_its_place_to_the_next
                timeouts_that_race_with_values_lose_none
            }
            rendezvous {
                sending_returns_after_the_value_was_taken
                trying_succeeds_only_if_a_partner_waits
                nothing_is_ever_inside
                a_large_value_goes_from_stack_to_stack
            }
            show {
                debug_shows_the_state_and_not_the_values
                errors_speak_and_hide_their_values
            }
            from_std {
                a_receiver_s_iterator_ends_with_the_channel
                a_bounded_iterator_ends_early_and_leaves_the_rest
                many_senders_one_after_the_other
                a_shared_sender_s_clones_survive_it
                send_from_outside_a_unit
                stress_by_dropping_one_end_at_a_time
                oneshot_values_cross_units
                a_recv_that_begins_before_the_send_gets_it
            }
            from_crossbeam {
                length_follows_every_step
                a_full_ring_wraps_around_many_times
                many_blocks_are_filled_and_emptied
                capacity_is_what_was_asked_for
                closing_wakes_a_receiver
                two_channels_do_not_mix
                drops_are_counted_under_stress
                a_queue_is_linearizable_by_one
            }
            from_go {
                a_send_blocks_until_there_is_room
                a_closed_channel_gives_what_it_has_and_then_nothing
                a_prime_sieve_finds_the_primes
                a_chain_of_channels_passes_everything_on
                a_producer_and_a_consumer_that_stop_each_other
            }
        }
    };
}

mod threads {
    all_bodies!(crate::units::Threads);
}

mod fibers {
    all_bodies!(crate::units::Fibers);
}

mod mixed {
    all_bodies!(crate::units::Mixed);
}
