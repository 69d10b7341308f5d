//! Channels, as their users see them: the same bodies for every kind of unit.
//!
//! Most are also the same for every kind of channel. Each pair of kinds gets a module at the end.

mod batches;
mod broadcast;
mod close;
mod closed;
mod drops;
mod from_crossbeam;
mod from_go;
mod from_std;
mod from_tokio;
mod many_consumers;
mod oneshot;
mod order;
mod priorities;
mod queues;
mod relays;
mod rendezvous;
mod selects;
mod show;
mod timed;
mod timers;
mod units;
mod verbs;
mod watch;

/// For every kind of channel.
macro_rules! bodies_for_any {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            order {
                smoke
                zero_sized_values_are_counted
                large_values_arrive_whole
                a_ping_pong_ends
            }
            close {
                what_is_inside_survives_closing
                closing_from_either_end_is_the_same
                a_blocked_sender_wakes_when_the_receiver_goes
                closing_races_with_one_producer
            }
            drops {
                values_inside_are_dropped_once_with_the_receiver
                values_inside_are_dropped_once_with_the_channel
                a_rejected_value_is_not_dropped
            }
            timed {
                a_full_channel_returns_the_value
                a_send_that_times_out_returns_the_value
                a_receive_that_times_out_leaves_nothing_behind
                a_stop_ends_a_blocked_send_and_a_blocked_receive
                a_receive_that_was_stopped_or_canceled_took_nothing
                a_cancellation_ends_a_blocked_send_and_a_blocked_receive
                timeouts_that_race_with_values_lose_none
            }
            from_std {
                a_receiver_s_iterator_ends_with_the_channel
                a_bounded_iterator_ends_early_and_leaves_the_rest
                send_from_outside_a_unit
                stress_by_dropping_one_end_at_a_time
                oneshot_values_cross_units
                a_recv_that_begins_before_the_send_gets_it
                a_sender_sees_in_the_end_that_the_receiver_is_gone
                a_receiver_sees_in_the_end_that_the_sender_is_gone
                ends_are_passed_on_from_unit_to_unit
                a_timeout_too_long_to_count_is_none
                as_many_come_out_as_went_in
                one_who_only_tries_asks_until_he_has_enough
                an_owned_and_a_borrowed_loop_give_what_is_inside
                one_who_tries_sees_each_state_as_it_comes
            }
            from_crossbeam {
                length_follows_every_step
                a_full_ring_wraps_around_many_times
                closing_wakes_a_receiver
                two_channels_do_not_mix
                drops_are_counted_under_stress
                channels_go_through_channels
                a_value_is_made_by_a_receive_from_the_same_channel
                a_value_whose_drop_panics_takes_no_other_with_it
                a_value_larger_than_a_page_needs_no_stack_for_its_block
            }
            from_go {
                a_send_blocks_until_there_is_room
                a_closed_channel_gives_what_it_has_and_then_nothing
                a_prime_sieve_finds_the_primes
                a_chain_of_channels_passes_everything_on
                a_producer_and_a_consumer_that_stop_each_other
                what_is_inside_is_found_while_another_closes
                a_default_is_not_taken_beside_a_value_or_a_closed_channel
                one_who_tries_meets_only_one_who_waits
                a_thousand_units_in_a_row_pass_one_value_on
                power_series_are_multiplied_by_units
            }
            from_tokio {
                a_receiver_knows_whether_it_is_closed_and_what_is_left
            }
            batches {
                a_batch_that_does_not_fit_goes_in_part
                a_batch_may_be_given_by_what_sends_in_the_same_way
                batches_arrive_whole_and_in_order
                a_batch_waits_for_room_and_says_how_far_it_came
                deadlines_and_stops_end_a_batch
                nothing_asked_for_is_had_at_once
                one_value_ends_the_wait_for_many
                an_iterator_that_waits_holds_nothing_back
                an_iterator_that_panics_loses_only_what_it_did_not_give
                batches_that_race_with_the_end_drop_each_value_once
            }
        }
    };
}

/// Where senders can be cloned.
macro_rules! bodies_for_many_producers {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            order {
                each_producer_s_values_arrive_in_its_order
                a_sender_made_while_others_send_counts
            }
            close {
                blocked_producers_get_their_values_back
                closing_loses_and_duplicates_nothing
                a_blocked_receiver_wakes_when_the_last_sender_goes
                closing_races_with_eight_producers
            }
            drops {
                senders_racing_with_the_receiver_s_end_drop_each_value_once
            }
            timed {
                a_timed_out_sender_leaves_its_place_to_the_next
            }
            from_std {
                many_senders_one_after_the_other
                a_shared_sender_s_clones_survive_it
                a_receiver_goes_after_the_last_value_of_another_sender
                a_receiver_without_patience_gets_what_many_send_late
            }
            from_crossbeam {
                many_blocks_are_filled_and_emptied
                capacity_is_what_was_asked_for
                a_queue_is_linearizable_by_one
                a_thread_that_ends_uses_channels_to_the_last
            }
        }
    };
}

/// Where both ends can be cloned.
macro_rules! bodies_for_many_consumers {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            from_crossbeam {
                whoever_has_sent_finds_a_value
                ends_know_their_channel
            }
            many_consumers {
                each_value_goes_to_one_consumer
                workers_share_what_there_is_to_do
                a_receiver_may_be_used_by_reference
                the_last_receiver_s_end_closes
                closing_wakes_every_receiver
                every_blocked_receiver_is_served_in_turn
                a_batch_wakes_as_many_as_it_has_values
                receivers_that_come_and_go_lose_nothing
                clones_see_one_channel
            }
        }
    };
}

/// Which choose their kind of channel themselves.
macro_rules! bodies_of_their_own {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            order {
                a_million_numbers_pass_a_pair_in_their_order
            }
            rendezvous {
                sending_returns_after_the_value_was_taken
                trying_succeeds_only_if_a_partner_waits
                nothing_is_ever_inside
                a_large_value_goes_from_stack_to_stack
            }
            show {
                debug_shows_the_state_and_not_the_values
                debug_shows_the_state_of_a_pair
                debug_shows_the_state_of_those_that_order_and_batch
                debug_shows_when_a_timer_is_due
                errors_speak_and_hide_their_values
            }
        }
    };
}

/// Of the kinds that have handles of their own.
macro_rules! bodies_of_other_handles {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            broadcast {
                two_receivers_see_each_value
                a_waiting_receiver_wakes_in_any_unit
                a_slow_receiver_catches_up_while_another_is_fast
                a_receiver_that_goes_leaves_values_to_others
                a_lagging_receiver_goes_on_with_the_oldest_value
                a_receiver_may_lag_again_before_it_has_caught_up
                without_receivers_the_value_comes_back
                a_capacity_of_zero_is_refused
                a_panic_in_clone_is_its_receiver_s_alone
                the_last_sender_s_end_wakes_all_receivers
                resubscribing_begins_at_the_end_and_cloning_where_one_is
                lengths_follow_every_step
                four_receivers_account_for_every_value
                closing_drains_and_wakes
                deadlines_stops_and_cancellations_end_a_receive
                every_value_and_every_clone_is_dropped_once
                nobody_waits_for_a_clone_that_does_not_end
                a_panicking_destructor_leaves_a_usable_channel
                random_broadcasts_lose_nothing_unnoticed
                a_select_takes_broadcasts_as_they_come
                debug_shows_where_a_receiver_is
            }
            oneshot {
                the_value_arrives_before_and_after_the_wait_begins
                a_sender_that_goes_ends_the_wait
                a_receiver_that_goes_gives_the_value_back
                a_sender_waits_for_the_receiver_to_go
                what_was_sent_before_closing_is_received
                a_receiver_knows_how_far_it_is
                deadlines_stops_and_cancellations_end_either_wait
                a_value_is_dropped_once_wherever_it_is
                ends_that_race_agree_who_has_the_value
                a_select_takes_the_first_of_two_answers
                a_select_sees_either_end_go
                debug_shows_how_far_it_is
            }
            watch {
                a_receiver_is_told_of_a_change_once
                marking_forgets_and_makes_believe
                each_of_many_receivers_sees_for_itself
                the_final_value_is_seen_after_the_end
                a_sender_waits_for_the_last_receiver_to_go
                looking_can_count_as_seeing
                a_panic_while_modifying_changes_nothing
                the_channel_lives_as_long_as_one_sender
                waiting_for_a_value_tests_the_current_one_first
                a_look_is_waited_for_by_nobody_and_keeps_its_value
                replacing_gives_the_value_before
                modifying_senders_lose_no_update
                a_hundred_receivers_are_told_of_one_change
                what_is_not_modified_is_not_told
                deadlines_stops_and_cancellations_end_either_wait
                a_panicking_test_leaves_a_usable_receiver
                looks_that_race_with_replacements_see_whole_values
                a_select_sees_changes_and_ends
                debug_shows_what_was_seen
            }
            from_tokio {
                one_place_is_enough_for_one_value
                the_end_overwrites_nothing_however_often_the_ring_went_round
                a_new_subscription_knows_nothing_of_the_old_one_s_past
                a_capacity_out_of_range_is_refused
                a_oneshot_is_over_once_and_for_all
                a_closed_watch_tells_of_what_was_not_seen
                a_watch_without_receivers_may_get_one_again
                a_wait_for_the_last_value_needs_no_sender
            }
            closed {
                every_sender_can_wait_for_the_end
                a_wait_for_the_end_ends_in_time_or_when_stopped_or_canceled
                a_wait_for_the_end_races_with_it
                a_sender_that_waits_hears_of_another_that_closes
                who_subscribes_later_puts_the_end_off
            }
            verbs {
                a_broadcast_of_many_is_received_as_many
                a_receiver_of_many_hears_of_what_it_missed_exactly
                a_batch_ends_before_a_gap
                a_broadcast_of_many_ends_where_the_receivers_do
                a_wait_for_many_broadcasts_can_end_early
                a_watched_value_is_received_like_others
                a_loop_over_a_watched_value_ends_with_the_last
                closing_a_watched_value_keeps_the_last
                a_panic_in_a_watched_value_s_clone_counts_it_as_seen
                a_loop_over_a_oneshot_has_one_value_or_none
                many_go_to_the_front_as_long_as_there_is_room
                a_relay_takes_what_fits_and_flushes_for_a_while
            }
        }
    };
}

/// For channels that are not made by `Channel`.
macro_rules! bodies_for_further_kinds {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            queues {
                an_empty_and_a_full_queue_say_so
                a_duplicate_of_a_value_inside_is_reported
                a_value_may_come_again_once_its_twin_is_out
                a_duplicate_does_not_wait_for_room
                of_two_twins_that_wait_for_room_one_gets_in
                the_front_comes_out_first
                many_values_never_exceed_the_capacity
                the_rest_of_many_comes_back
                an_endless_iterator_is_sent_as_it_goes
                many_are_received_at_once
                a_closed_queue_refuses_and_gives_what_it_has
                closing_gives_blocked_producers_their_values_back
                closing_wakes_every_receiver
                join_waits_for_the_end_and_for_emptiness
                join_ends_by_deadline_stop_and_cancellation
                a_join_ends_when_the_receivers_drop_the_rest
                stops_and_cancellations_end_waits_and_return_values
                values_inside_are_dropped_once
                every_value_arrives_once_whoever_sends_and_receives
                debug_shows_a_queue_s_state
            }
            priorities {
                priority_zero_is_delivered_like_any_other
                either_end_of_the_scale_can_be_first
                equals_come_out_in_the_order_they_came
                a_full_priority_channel_lets_senders_in_by_turn
                a_priority_channel_without_room_is_a_rendezvous
                blocked_priority_senders_get_their_values_back
                many_senders_and_receivers_share_a_priority_channel
                a_comparison_that_panics_leaves_a_channel_that_works
                values_in_a_priority_channel_are_dropped_once
            }
            timers {
                a_timer_goes_once_and_never_early
                many_timers_all_go
                ticks_lie_on_a_grid
                missed_ticks_are_one_tick_that_counts_them
                each_tick_is_received_by_one_clone
                never_does_not_go
                a_tick_at_the_deadline_is_received
                a_stop_and_a_cancellation_end_the_wait_for_a_tick
                stopping_and_resetting_say_whether_it_would_have_gone
                a_reset_beat_has_a_new_grid
                a_beat_without_a_pause_is_refused
                times_too_long_to_count_never_come
                a_reset_wakes_those_who_wait
                closing_a_timer_ends_its_loops
                resets_and_stops_may_race
            }
            relays {
                a_full_batch_goes_out
                a_batch_goes_out_when_its_period_is_over
                a_trickle_does_not_hold_a_batch_back
                closing_flushes
                stopping_flushes_and_gives_blocked_senders_their_values_back
                a_flush_waits_until_all_before_it_is_out
                a_flush_ends_however_the_relay_does
                a_failing_batch_is_tried_again_and_nothing_overtakes_it
                a_batch_may_be_dropped_kept_or_put_out_in_part
                a_panic_is_trouble_with_a_text
                retries_are_bounded_and_end_by_dropping
                a_stop_cuts_a_pause_short
                a_canceled_relay_hands_the_rest_over
                senders_wait_while_the_far_side_is_slow
                every_value_goes_out_once_and_in_its_sender_s_order
            }
            selects {
                a_blocked_select_gets_what_comes_to_a_store
                a_blocked_select_sends_when_a_store_has_room
                closing_a_store_wakes_selects_at_both_ends
                a_select_at_both_ends_of_a_store_meets_others_only
                a_tick_is_an_arm_like_others
                a_changed_timer_wakes_the_select_that_waits_for_it
                a_canceled_select_leaves_stores_and_timers_as_they_were
                selects_over_stores_lose_and_double_nothing
            }
        }
    };
}

macro_rules! all_bodies {
    ($units:ty) => {
        bodies_of_their_own!($units);
        bodies_of_other_handles!($units);
        bodies_for_further_kinds!($units);

        mod mpsc {
            mod any {
                bodies_for_any!(crate::units::On<$units, vitte_channels::Mpsc>);
            }
            mod many_producers {
                bodies_for_many_producers!(crate::units::On<$units, vitte_channels::Mpsc>);
            }
        }

        mod mpmc {
            mod any {
                bodies_for_any!(crate::units::On<$units, vitte_channels::Mpmc>);
            }
            mod many_producers {
                bodies_for_many_producers!(crate::units::On<$units, vitte_channels::Mpmc>);
            }
            mod many_consumers {
                bodies_for_many_consumers!(crate::units::On<$units, vitte_channels::Mpmc>);
            }
        }

        mod spsc {
            mod any {
                bodies_for_any!(crate::units::On<$units, vitte_channels::Spsc>);
            }
        }
    };
}

#[cfg(not(only_mixed))]
mod threads {
    all_bodies!(crate::units::Threads);
}

#[cfg(not(only_mixed))]
mod fibers {
    all_bodies!(crate::units::Fibers);
}

mod mixed {
    all_bodies!(crate::units::Mixed);
}
