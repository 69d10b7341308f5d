//! Locks, as their users see them: the same bodies for every kind of unit.
//!
//! Each kind of unit gets a module at the end.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body runs as the kind of unit that it is told, also if it starts no other"
)]

mod condvar;
mod exact;
mod from_elsewhere;
mod from_parking_lot;
mod inline;
mod leaning;
mod mapped;
mod mutex;
mod named;
mod process;
mod reentrant;
mod rwlock;
mod word;

macro_rules! all_bodies {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            exact {
                a_mutex_loses_no_increment
                a_raw_mutex_behind_lock_api_loses_no_increment
                a_lock_that_is_handed_over_loses_no_increment
                a_spin_lock_loses_no_increment
                a_reentrant_mutex_loses_no_increment
                a_monitor_loses_no_increment
                writers_lose_no_increment
                writers_behind_lock_api_lose_no_increment
                writers_alone_behind_lock_api_lose_no_increment
                a_condition_s_mutex_loses_no_increment
                an_atomic_cell_loses_no_increment
                a_watched_value_loses_no_increment
                readers_that_upgrade_lose_no_increment
                a_named_lock_loses_no_increment
                a_word_mutex_loses_no_increment
                a_lock_of_a_process_loses_no_increment
                two_locks_of_one_file_lose_no_increment
            }
            mutex {
                one_who_asks_for_what_he_holds_is_told
                a_released_lock_is_not_taken_for_one_s_own
                a_wait_that_times_out_leaves_nothing_behind
                a_stop_ends_a_wait
                a_cancellation_ends_a_wait_and_no_guard_is_lost
                cancellations_that_race_with_releases_lose_no_lock
                a_fair_release_hands_the_lock_to_the_oldest_waiter
                one_who_waits_gets_the_lock_from_one_who_keeps_asking
                a_panic_poisons_until_somebody_recovers
                a_panic_poisons_whatever_lock_is_around_a_value
                a_destructor_that_locks_while_unwinding_does_not_poison
                debug_shows_the_state_and_never_blocks
                a_spin_lock_whose_holder_suspends_is_had_in_the_end
                a_cancellation_and_a_deadline_end_the_wait_for_a_spin_lock
            }
            rwlock {
                eight_readers_overlap
                readers_without_a_place_overlap_as_well
                a_writer_excludes_everybody
                new_readers_wait_behind_a_waiting_writer
                readers_go_on_when_the_writer_they_waited_for_gives_up
                a_sole_reader_becomes_the_writer_at_once
                a_reader_becomes_the_writer_before_writers_that_wait
                of_two_upgraders_the_second_is_told
                an_upgrade_that_ends_otherwise_still_reads
                one_who_would_wait_for_himself_is_told
                one_of_a_crowd_may_read_again_beside_a_writer
                a_writer_s_panic_poisons_and_a_reader_s_does_not
                readers_and_writers_mixed_at_random_see_whole_values
            }
            leaning {
                a_lock_that_leans_knows_its_readers
                a_writer_waits_for_readers_that_entered_while_the_lock_leant
                a_reader_of_a_lock_that_leans_becomes_the_writer
                a_leaked_reader_of_one_lock_is_none_of_the_next
                readers_and_rare_writers_see_whole_values
                a_writer_gets_in_among_readers_that_never_stop
            }
            condvar {
                a_notification_wakes_the_one_that_has_waited_longest
                everybody_is_woken_by_notify_all
                every_end_of_a_wait_has_the_lock_again
                a_condition_that_holds_no_more_ends_the_wait_also_at_the_deadline
                a_waiter_learns_of_a_panic_meanwhile
                a_queue_of_one_passes_everything_on
                leaving_a_monitor_wakes_one_and_he_the_next
                a_wait_in_a_monitor_says_who_ended_it_and_is_inside_again
                two_who_wait_for_nothing_do_not_keep_each_other_awake
                a_monitor_in_constant_use_lets_its_waiters_end
            }
            mapped {
                a_guard_of_a_part_keeps_the_whole
                a_part_that_is_not_there_gives_the_guard_back
                a_panic_with_a_writer_s_part_poisons
                parts_of_a_reentrant_lock_are_counted_like_guards
            }
            reentrant {
                the_holder_takes_it_as_often_as_it_likes
                others_wait_for_the_last_guard
                a_cancellation_ends_the_wait
                a_leaked_guard_is_no_later_unit_s
            }
            named {
                only_the_one_whose_name_is_released_goes_on
                wrong_releases_are_errors_and_change_nothing
                a_number_and_its_text_are_two_names
                a_name_is_gone_when_nobody_uses_it
            }
            word {
                zero_is_a_free_mutex_of_four_bytes
                a_second_locking_and_a_foreign_unlocking_are_errors
                a_stop_and_a_cancellation_end_the_wait_for_a_word
                a_wait_for_a_word_condition_has_the_mutex_again
                a_latch_opens_for_everybody_and_for_ever
            }
            from_elsewhere {
                many_take_turns
                the_value_comes_out_and_is_dropped_once
                a_condition_inside_a_shared_pair_works_both_ways
                a_lock_inside_a_lock_is_another_lock
                waiters_are_served_as_they_came
                a_lock_may_be_held_across_a_wait
            }
            from_parking_lot {
                readers_and_writers_behind_lock_api_keep_the_rules
                a_crowd_behind_lock_api_leaves_in_any_order
                the_value_of_readers_and_writers_comes_out
                no_writer_comes_between_a_writer_and_his_reading
                an_upgrade_is_given_up_in_time_or_when_stopped
                a_notification_says_how_many_it_woke
                a_condition_is_asked_once_before_and_once_a_notification
                a_condition_serves_one_lock_after_the_other
                waiters_that_wake_one_another_all_wake
                a_thread_that_ends_takes_locks_to_the_last
                fifty_units_share_a_spin_lock
                a_wait_for_a_name_can_end_early
            }
            process {
                two_locks_of_one_file_exclude_each_other
                waits_for_a_file_end_as_others_do
                a_lock_that_cannot_be_had_is_an_error
                a_file_that_was_removed_is_not_waited_for
                a_holder_that_dies_releases
                two_processes_and_two_units_lose_no_increment
            }
        }
    };
}

#[cfg(not(only_mixed))]
mod threads {
    all_bodies!(vitte_tests::units::Threads);
}

#[cfg(not(only_mixed))]
mod fibers {
    all_bodies!(vitte_tests::units::Fibers);
}

mod mixed {
    all_bodies!(vitte_tests::units::Mixed);
}
