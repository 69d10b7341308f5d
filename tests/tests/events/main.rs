//! Events, latches, semaphores, signals and their like, as their users see them: the same bodies
//! for every kind of unit.
//!
//! Each kind of unit gets a module at the end.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body runs as every kind of unit, whether it starts others or not"
)]

mod arms;
mod barrier;
mod cell;
mod count;
mod event;
mod family;
mod once;
mod phaser;
mod semaphore;
mod signal;
mod till;

use std::{sync::Arc, time::Duration};
use vitte_tests::units::{Handle, Units};

/// Long enough to be noticed, too short to be waited for.
const SHORT: Duration = Duration::from_millis(2);
/// A limit that only a hang reaches.
const LONG: Duration = Duration::from_secs(100);

/// Starts `count` units that all run `body` on the same thing.
fn crew<U: Units, T: Send + Sync + 'static, R: Send + 'static>(
    count: usize,
    shared: &Arc<T>,
    body: impl Fn(usize, &Arc<T>) -> R + Clone + Send + 'static,
) -> Vec<Handle<U, R>> {
    let start = |number| {
        let (shared, body) = (shared.clone(), body.clone());
        U::spawn(move || body(number, &shared))
    };
    (0..count).map(start).collect()
}

/// What all of them return.
fn join_all<U: Units, R: Send + 'static>(crew: Vec<Handle<U, R>>) -> Vec<R> {
    crew.into_iter().map(U::join).collect()
}

macro_rules! all_bodies {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            event {
                an_automatic_event_remembers_one_signal
                an_automatic_event_lets_one_of_four_through
                a_manual_event_lets_all_through_until_it_is_reset
                a_wait_of_no_time_is_a_look
                who_waited_longest_goes_first
                one_who_gives_up_consumes_no_signal
                a_signal_that_races_with_a_timeout_is_not_lost
                contended_increments_under_an_event_are_exact
                two_events_play_ping_pong
            }
            semaphore {
                trying_takes_what_is_there
                a_waiter_gets_the_permit_that_comes_back
                many_permits_are_taken_at_once
                a_large_request_is_not_overtaken
                one_who_gives_up_lets_those_behind_it_move_up
                closing_sends_everybody_away
                forgotten_permits_are_gone
                permits_of_a_closed_semaphore_are_counted_all_the_same
                permits_split_and_merge
                too_many_permits_are_refused_and_change_nothing
                an_owned_permit_outlives_its_unit
                contended_increments_under_one_permit_are_exact
                timeouts_that_race_with_permits_lose_none
                a_cancellation_and_a_stop_take_nothing
            }
            barrier {
                nobody_goes_on_before_all_have_come
                each_round_has_one_leader
                a_barrier_of_none_or_one_lets_everybody_through
                one_who_leaves_is_not_counted
                rounds_that_race_with_timeouts_stay_whole
            }
            once {
                it_is_done_once
                many_at_once_see_it_done
                an_attempt_that_panics_leaves_it_to_the_next
                an_attempt_that_panics_lets_a_waiter_try
                asking_from_within_is_an_error
                a_cell_keeps_its_first_value
                a_cell_is_set_while_another_waits
                of_several_who_set_a_cell_one_does
                a_cell_s_value_comes_out_undropped
                a_failing_initializer_leaves_the_cell_empty
                setting_while_another_makes_the_value_is_refused
                a_cell_drops_its_value_once
                a_wait_for_another_s_value_can_end_early
                a_lazy_value_is_made_once_by_many
                a_lazy_value_whose_maker_panicked_is_made_by_the_next
            }
            count {
                a_latch_opens_at_zero_and_stays_open
                a_latch_wakes_everybody
                a_group_waits_for_all_its_members
                a_group_is_used_again
                done_without_anything_to_do_is_a_panic
                a_member_s_clone_is_a_member
                waits_for_a_count_can_end_early
            }
            phaser {
                parties_meet_in_every_phase
                one_who_leaves_ends_the_phase_for_the_rest
                an_arrival_survives_a_wait_that_timed_out
                who_gives_up_waiting_has_arrived_all_the_same
                an_onlooker_may_wait_for_a_phase
                too_many_arrivals_are_a_panic
            }
            signal {
                m1_a_signal_runs_its_jobs_once_and_in_order
                m1_a_failing_job_is_reported_and_stops_nobody
                m2_a_hundred_waiters_are_released_by_one_go
                m3_the_algebra_of_signals
                a_wait_says_who_ended_it
                a_signal_stops_every_kind_of_wait
                a_removed_job_does_not_run
                a_job_left_while_the_signal_goes_runs_once
                an_intermediate_signal_lives_as_long_as_what_is_made_of_it
                dropped_combinations_leave_nothing_behind
                long_chains_go_and_end_without_recursion
                a_countdown_of_zero_is_done_at_once
                any_and_all_of_many
            }
            till {
                m3_never_times_out
                m5_a_timed_signal_goes_in_time
                m5_timers_cost_no_thread_and_little_time
                m7_a_loop_of_naps_leaves_nothing_on_the_stop_signal
                a_timed_signal_stops_other_waits
                a_timed_signal_that_is_stopped_first_says_so
            }
            family {
                a_stop_wakes_who_waits_and_keeps_nobody_later
                a_child_stops_with_its_parent
                a_child_stops_without_its_parent
                a_grandchild_stops_though_nobody_holds_the_child
                all_descendants_stop_and_nobody_else
                a_child_of_one_that_has_stopped_is_stopped
                families_may_be_dropped_in_any_order
                what_is_ready_is_had_though_a_parent_has_stopped
            }
            cell {
                a_cell_of_any_size_is_swapped_whole
                a_cell_counts_exactly
                a_cell_compares_and_exchanges
                a_cell_drops_what_it_held
            }
            arms {
                the_arm_that_is_ready_goes
                an_event_s_signal_goes_to_the_selector_or_stays
                a_selector_in_line_is_served_in_turn
                a_signal_and_a_latch_are_arms
                a_timed_signal_is_an_arm
                selectors_and_waiters_share_every_signal
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
