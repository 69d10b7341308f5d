//! Select, as its users see it: the same bodies for every kind of unit.
//!
//! Each kind of unit gets a module at the end.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body without a second unit is still run on each kind"
)]

mod arms;
mod both_ends;
mod fair;
mod from_crossbeam;
mod from_go;
mod joins;
mod lost;
mod many;
mod stores;
mod stress;
mod units;

macro_rules! all_bodies {
    ($units:ty) => {
        vitte_tests::bodies! { $units:
            arms {
                an_arm_that_can_go_at_once_goes
                a_blocked_select_gets_the_value_that_comes
                a_blocked_select_sends_when_there_is_room
                a_closed_channel_lets_its_arm_go
                closing_wakes_a_blocked_select
                a_value_that_was_not_sent_comes_back
                a_value_offered_from_a_slot_is_taken_once
                a_default_is_taken_only_if_nothing_can_go
                a_default_with_a_duration_waits_so_long
                time_is_an_arm_like_others
                a_stop_is_an_arm_and_can_end_the_whole
                a_canceled_select_loses_nothing
                a_task_s_end_is_an_arm
                a_select_of_nothing_waits_for_its_deadline
                more_arms_than_fit_on_the_stack_are_no_different
            }
            both_ends {
                two_selects_meet
                a_select_at_both_ends_does_not_meet_itself
                a_select_at_both_ends_is_met_by_others
                selects_that_cross_get_through
                a_ring_of_selects_passes_tokens_both_ways
            }
            fair {
                of_two_arms_that_are_always_ready_neither_gets_less_than_a_quarter
                a_closed_arm_does_not_starve_the_others
                of_many_ready_arms_each_gets_its_share
                sends_that_are_always_ready_get_their_shares
                ready_arms_of_every_kind_get_their_shares
                producers_that_race_into_one_select_all_get_through
            }
            joins {
                a_thread_s_end_is_an_arm
                a_thread_s_panic_comes_out_of_its_arm_once
                threads_and_fibers_are_joined_in_one_select
                threads_put_together_at_run_time_come_out_once_each
                a_join_of_a_thread_ends_in_time_or_when_stopped_or_canceled
                a_fiber_that_joins_a_thread_leaves_its_worker_to_others
            }
            lost {
                every_value_arrives_once_and_is_dropped_once
                a_select_that_goes_elsewhere_keeps_no_wake_up
            }
            many {
                two_at_both_ends_meet_each_other
                an_even_crowd_pairs_up
                a_default_does_not_race_with_what_is_there
                a_wake_up_that_a_select_gets_is_used
                selects_and_plain_receivers_share_the_values
                both_ends_of_a_pair_may_select
            }
            from_go {
                arms_that_are_switched_off_are_passed_over
                what_blocks_for_ever_blocks
                arms_are_evaluated_once_in_their_order
                a_select_that_went_elsewhere_is_no_waiter
                every_way_to_receive_meets_every_way_to_send
                no_arm_goes_twice
                a_flood_does_not_drown_a_trickle
                one_channel_may_be_in_several_arms
                nobody_receives_from_itself
                a_default_is_not_taken_while_something_is_there
            }
            from_crossbeam {
                a_timeout_and_a_late_sender_miss_each_other
                a_closed_channel_comes_before_a_default
                those_who_try_meet_one_who_waits
                what_is_ready_comes_out_in_any_order_and_completely
                two_arms_in_step
                two_that_give_up_now_and_then_lose_nothing
                a_ring_meets_itself_and_a_rendezvous_does_not
                selects_nest
                the_macro_takes_its_shapes
                the_dynamic_form_waits_as_it_is_told
                a_panic_while_arms_are_made_loses_nothing
            }
            stores {
                a_unique_queue_tells_its_arm_what_became_of_the_value
                a_twin_that_comes_first_lets_a_waiting_arm_go
                an_arm_at_the_front_is_served_before_the_others
                a_value_offered_at_the_front_comes_back
                a_relay_takes_from_an_arm
                a_relay_that_goes_gives_an_arm_its_value_back
                arms_of_every_store_lose_nothing
                the_end_of_the_receivers_is_an_arm_of_every_sender
            }
            stress {
                random_selects_deliver_everything_once
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
