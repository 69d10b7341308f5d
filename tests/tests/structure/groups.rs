//! Groups, parallel blocks, races and graphs: nobody outlives what he belongs to, and every end is told.

use crate::{LIMIT, start};
use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::*},
    },
    thread,
    time::Duration,
};
use vitte_tests::{Census, within};
use vitte_threads::{
    CancelReason, Deadline, Fiber, GaveUp, GraphError, Group, GroupWaitError, JobEnd, JobPool,
    JobStep, JoinError, MemberError, NodeEnd, Outcome, Retry, StopSource, StopToken, TaskGraph,
    cancel_reason, parallel, parallel_with, park, race, race_with, yield_now,
};

type Body<'a, T> = Box<dyn FnOnce(&StopToken) -> Result<T, &'static str> + Send + 'a>;

fn until_canceled<T>(_: &StopToken) -> Result<T, &'static str> {
    while park() != Outcome::Canceled {}
    Err("canceled")
}

#[test]
fn a_parallel_block_returns_all_values_in_order() {
    within(LIMIT, "parallel", || {
        let runtime = start(2);
        let values = runtime.run(|| {
            parallel(
                (0..100)
                    .map(|n| {
                        move |_: &StopToken| {
                            if n % 3 == 0 {
                                yield_now();
                            }
                            Ok::<_, &str>(n)
                        }
                    })
                    .collect(),
            )
        });
        assert_eq!(values.unwrap(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn a_group_is_waited_for_by_driving_where_the_host_drives() {
    within(LIMIT, "a driven group", || {
        let runtime = start(0);
        let sleeps = || {
            let _ = vitte_threads::sleep(Duration::from_millis(1));
            Ok::<_, &str>(1)
        };
        let group = Group::on(&runtime);
        group.spawn(sleeps).unwrap();
        assert!(group.wait_until(Deadline::NOW).is_err());
        assert_eq!(group.wait_until(Deadline::NEVER), Ok(()));
        group.spawn(sleeps).unwrap();
        assert_eq!(group.join_all().len(), 2);
        let dropped = Group::on(&runtime);
        dropped
            .spawn(|| until_canceled::<i32>(&StopToken::NEVER))
            .unwrap();
    });
}

// What its destructors drive runs on a thread that is panicking, for which fibers are not to blame.
#[test]
fn a_host_that_panics_ends_members_who_have_to_wait_for_others() {
    within(LIMIT, "a panicking host", || {
        for in_group in [true, false] {
            let ended = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&ended);
            let left = std::panic::catch_unwind(move || {
                let runtime = start(0);
                let group = Group::on(&runtime);
                let inner = move || {
                    assert!(until_canceled::<()>(&StopToken::NEVER).is_err());
                    yield_now();
                    count.fetch_add(1, SeqCst);
                    Ok::<_, ()>(())
                };
                let outer = move || {
                    let members = Group::here().unwrap();
                    members.spawn(inner.clone()).unwrap();
                    members.spawn(inner.clone()).unwrap();
                    assert!(until_canceled::<()>(&StopToken::NEVER).is_err());
                    // Waits for both, though it is canceled.
                    drop(members);
                    inner()
                };
                if in_group {
                    group.spawn(outer).unwrap();
                } else {
                    // It ends with the runtime.
                    drop(runtime.spawn(outer));
                }
                runtime
                    .driver()
                    .unwrap()
                    .run_ready(u64::MAX, Deadline::NEVER)
                    .unwrap();
                std::panic::resume_unwind(Box::new("left"));
            });
            assert!(left.is_err_and(|payload| payload.is::<&str>()));
            assert_eq!(ended.load(SeqCst), 3);
            assert!(!thread::panicking());
        }
    });
}

#[test]
fn one_failure_cancels_the_rest_and_all_ends_are_told() {
    within(LIMIT, "parallel", || {
        for panics in [false, true] {
            let runtime = start(2);
            let census = Census::new();
            let error = runtime.run(|| {
                let waits: Body<'_, i32> = Box::new(|token| {
                    let _held = census.value(());
                    let end = until_canceled(token);
                    assert_eq!(cancel_reason(), Some(CancelReason::SIBLING));
                    assert!(token.is_stopped());
                    end
                });
                let fails: Body<'_, i32> = Box::new(move |_| {
                    assert!(!panics, "it panics");
                    Err("it fails")
                });
                parallel(vec![Box::new(|_: &_| Ok(1)), waits, fails]).unwrap_err()
            });
            census.assert_all_dropped();
            assert_eq!((error.first, error.outcome), (Some(2), None));
            assert!(
                matches!(error.ends[1], Err(MemberError::Failed("canceled"))),
                "{error:?}"
            );
            match (&error.ends[2], panics) {
                (Err(MemberError::Failed("it fails")), false) => {}
                (Err(MemberError::Ended(JoinError::Panicked(panicked))), true) => {
                    assert_eq!(panicked.text(), "it panics");
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn a_block_ends_at_its_deadline_its_stop_or_with_its_caller() {
    within(LIMIT, "parallel", || {
        let runtime = start(2);
        let bodies = || vec![until_canceled::<()>, until_canceled];
        let late = runtime
            .run(|| parallel_with(bodies(), Deadline::after(Duration::from_millis(1)), None));
        assert_eq!(late.unwrap_err().outcome, Some(Outcome::TimedOut));
        let source = StopSource::new();
        source.stop();
        let stopped =
            runtime.run(|| parallel_with(bodies(), Deadline::NEVER, Some(&source.token())));
        assert_eq!(stopped.unwrap_err().outcome, Some(Outcome::Stopped));
        let caller = runtime.spawn(move || parallel(vec![until_canceled::<()>, until_canceled]));
        caller.cancel();
        assert_eq!(
            caller.join().unwrap().unwrap_err().outcome,
            Some(Outcome::Canceled)
        );
    });
}

#[test]
fn on_a_plain_thread_no_body_runs() {
    let error = parallel(vec![|_: &StopToken| -> Result<(), &str> {
        panic!("it ran")
    }])
    .unwrap_err();
    assert!(matches!(
        error.ends[0],
        Err(MemberError::Ended(JoinError::NotStarted(_)))
    ));
}

#[test]
fn the_losers_of_a_race_are_over_when_it_returns() {
    within(LIMIT, "race", || {
        let runtime = start(2);
        for _ in 0..100 {
            let live = AtomicUsize::new(0);
            let won = runtime.run(|| {
                let loses = || -> Body<'_, usize> {
                    Box::new(|token| {
                        live.fetch_add(1, SeqCst);
                        let end = until_canceled(token);
                        assert_eq!(cancel_reason(), Some(CancelReason::LOST));
                        live.fetch_sub(1, SeqCst);
                        end
                    })
                };
                race(vec![
                    loses(),
                    Box::new(|_: &_| Err("fails")),
                    Box::new(|_: &_| Ok(7)),
                    loses(),
                ])
            });
            let won = won.unwrap();
            assert_eq!((won.index, won.value), (2, 7));
            assert_eq!(live.load(SeqCst), 0);
        }
    });
}

#[test]
fn a_race_that_nobody_wins_has_all_errors() {
    within(LIMIT, "race", || {
        let runtime = start(2);
        let lost = runtime.run(|| {
            race(vec![|_: &StopToken| Err::<(), _>("a"), |_: &StopToken| {
                Err("b")
            }])
        });
        let errors: Vec<_> = lost
            .unwrap_err()
            .errors
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(errors, ["a", "b"]);
        let late = runtime.run(|| race_with(vec![until_canceled::<()>], Deadline::NOW, None));
        assert_eq!(late.unwrap_err().outcome, Some(Outcome::TimedOut));
        let nobody: Vec<Body<'_, ()>> = vec![];
        assert!(runtime.run(|| race(nobody)).unwrap_err().errors.is_empty());
    });
}

#[test]
fn a_group_never_has_more_live_members_than_its_limit() {
    within(LIMIT, "limit", || {
        let runtime = start(2);
        let group = Group::on(&runtime).limit(3);
        let (live, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for n in 0..200 {
            let (live, most) = (live.clone(), most.clone());
            group
                .spawn(move || {
                    most.fetch_max(live.fetch_add(1, SeqCst) + 1, SeqCst);
                    yield_now();
                    live.fetch_sub(1, SeqCst);
                    Ok::<_, ()>(n)
                })
                .unwrap();
        }
        let ends = group.join_all();
        assert!(most.load(SeqCst) <= 3);
        let values: Vec<_> = ends.into_iter().map(Result::unwrap).collect();
        assert_eq!(values, (0..200).collect::<Vec<_>>());
    });
}

#[test]
#[should_panic(expected = "a group of no room")]
fn a_group_without_any_room_is_refused() {
    let _ = Group::<(), ()>::on(&start(1)).limit(0);
}

#[test]
fn without_room_a_body_comes_back() {
    within(LIMIT, "no room", || {
        let runtime = start(1);
        let group = Group::on(&runtime).limit(1);
        let waits = || until_canceled::<()>(&StopSource::new().token());
        group.spawn(waits).unwrap();
        assert_eq!(group.try_spawn(waits).unwrap_err().outcome, None);
        let late = group
            .spawn_timeout(waits, Duration::from_millis(1))
            .unwrap_err();
        assert_eq!(late.outcome, Some(Outcome::TimedOut));
        assert!(group.wait_timeout(Duration::from_millis(1)).is_err());
        assert_eq!(group.live(), 1);
        group.cancel("enough");
        assert!(matches!(
            group.join_all()[0],
            Err(MemberError::Failed("canceled"))
        ));
    });
}

#[test]
fn blocks_of_different_bodies_return_different_things() {
    within(LIMIT, "macros", || {
        let runtime = start(2);
        runtime.run(|| {
            let text = "borrowed".to_owned();
            let (number, word, nothing) = parallel!(
                |_| Ok::<_, &str>(7),
                |_| {
                    yield_now();
                    Ok(&*text)
                },
                |_| Ok(()),
            )
            .unwrap();
            assert_eq!((number, word, nothing), (7, "borrowed", ()));
            let error = parallel!(|_| Err::<u8, _>("no"), until_canceled::<String>).unwrap_err();
            assert_eq!((error.first, error.ends.len()), (Some(0), 2));
            let late = parallel!(until_canceled::<u8>; Deadline::NOW, None).unwrap_err();
            assert_eq!(late.outcome, Some(Outcome::TimedOut));

            let census = Census::new();
            let said = race! {
                |_| { let _held = census.value(()); until_canceled::<u8>(&StopToken::NEVER) } => |n| n.to_string(),
                |_| Ok(census.value("won")) => |word| (*word).to_owned(),
            };
            assert_eq!(said.unwrap(), "won");
            census.assert_all_dropped();
            let nobody = race! {
                |_| Err::<u8, _>("one") => |_| (),
                |_| Err::<String, _>("two") => |_| (),
            };
            assert_eq!(nobody.unwrap_err().errors.len(), 2);
            let stop = StopSource::new();
            stop.stop();
            let token = stop.token();
            let stopped = race!(until_canceled::<u8> => |_| (); Deadline::NEVER, Some(&token));
            assert_eq!(stopped.unwrap_err().outcome, Some(Outcome::Stopped));
        });
    });
}

#[test]
fn dropping_a_group_cancels_its_members_and_waits() {
    within(LIMIT, "drop", || {
        let runtime = start(2);
        let census = Census::new();
        let group = Group::on(&runtime);
        for _ in 0..10 {
            let value = census.value(());
            group
                .spawn(move || {
                    let _held = value;
                    until_canceled::<()>(&StopSource::new().token())
                })
                .unwrap();
        }
        drop(group);
        census.assert_all_dropped();
    });
}

#[test]
fn a_group_is_over_after_what_its_members_have_put_off() {
    within(LIMIT, "put off", || {
        let runtime = start(2);
        let done = Arc::new(AtomicUsize::new(0));
        let group = Group::on(&runtime);
        for fails in [false, true] {
            let done = Arc::clone(&done);
            let body = move || {
                vitte_threads::defer(move || {
                    for _ in 0..100 {
                        yield_now();
                    }
                    done.fetch_add(1, SeqCst);
                });
                assert!(!fails, "one panics");
                Ok::<_, ()>(())
            };
            group.spawn(body).unwrap();
        }
        let ends = group.join_all();
        assert_eq!((ends.len(), done.load(SeqCst)), (2, 2));
    });
}

#[test]
fn a_member_that_would_wait_for_itself_is_told() {
    within(LIMIT, "itself", || {
        let runtime = start(2);
        let group: Arc<Group<(), GroupWaitError>> = Arc::new(Group::on(&runtime));
        for _ in 0..200 {
            let theirs = Arc::clone(&group);
            // Another worker may begin it before we come back.
            let waits = move || theirs.wait_with(Deadline::NEVER, None);
            group.spawn(waits).unwrap();
        }
        group.wait_until(Deadline::NEVER).unwrap();
        let group = Arc::into_inner(group).unwrap();
        for end in group.join_all() {
            assert!(
                matches!(end, Err(MemberError::Failed(GroupWaitError::Itself))),
                "{end:?}"
            );
        }
    });
}

#[test]
fn the_member_that_drops_its_group_cancels_the_others_and_goes_on() {
    within(LIMIT, "dropped by a member", || {
        let runtime = start(2);
        let group: Arc<Group<(), &str>> = Arc::new(Group::on(&runtime));
        let (tell, told) = vitte_threads::Channel::bounded(2);
        let other = tell.clone();
        let parks = move || {
            let outcome = park();
            other.send((outcome, cancel_reason())).unwrap();
            Ok(())
        };
        group.spawn(parks).unwrap();
        let theirs = Arc::clone(&group);
        let (go, gone) = vitte_threads::Channel::bounded::<()>(0);
        let drops = move || {
            gone.recv().unwrap_err();
            drop(Arc::into_inner(theirs).unwrap());
            tell.send((yield_outcome(), cancel_reason())).unwrap();
            Ok(())
        };
        group.spawn(drops).unwrap();
        drop(group);
        drop(go);
        let mut all: Vec<_> = told.iter().collect();
        all.sort_by_key(|(_, reason)| reason.is_none());
        let reason = Some(CancelReason::ABANDONED);
        assert_eq!(
            all,
            [(Outcome::Canceled, reason), (Outcome::TimedOut, None)]
        );
    });
}

/// What a wait that nobody ends comes to.
fn yield_outcome() -> Outcome {
    vitte_threads::sleep_until(Deadline::NOW)
}

#[test]
fn a_cycle_of_many_nodes_is_named_in_their_order() {
    within(LIMIT, "long cycle", || {
        const NODES: usize = 20_000;
        let runtime = start(1);
        let mut graph = TaskGraph::new();
        for n in 0..NODES {
            let before = ((n + NODES - 1) % NODES).to_string();
            graph
                .add(&n.to_string(), &[&before], |_| Ok::<_, ()>(()))
                .unwrap();
        }
        graph.add("after", &["7"], |_| Ok(())).unwrap();
        let Err(GraphError::Cycle(names)) = runtime.run(|| graph.run()) else {
            panic!("no cycle");
        };
        assert_eq!(names.len(), NODES);
        for (name, before) in names.iter().zip(names[1..].iter().chain([&names[0]])) {
            let (name, before): (usize, usize) = (name.parse().unwrap(), before.parse().unwrap());
            assert_eq!((before + 1) % NODES, name);
        }
    });
}

#[test]
fn a_failing_member_cancels_the_rest_if_that_was_asked_for() {
    within(LIMIT, "failing members", || {
        let runtime = start(2);
        let group = Group::on(&runtime).cancel_on_failure();
        group
            .spawn(|| until_canceled::<()>(&StopSource::new().token()))
            .unwrap();
        group
            .spawn(|| -> Result<(), &str> { panic!("member") })
            .unwrap();
        while !group.is_canceled() {
            thread::yield_now();
        }
        group
            .spawn(|| until_canceled(&StopSource::new().token()))
            .unwrap();
        let ends = group.join_all();
        assert_eq!(ends.len(), 3);
        assert!(
            matches!(&ends[1], Err(MemberError::Ended(JoinError::Panicked(p))) if p.text() == "member")
        );
        assert!(
            matches!(ends[2], Err(MemberError::Failed("canceled"))),
            "spawned too late"
        );
    });
}

#[test]
fn a_graph_runs_each_node_after_all_it_depends_on() {
    within(LIMIT, "graph", || {
        let runtime = start(3);
        let clock = AtomicUsize::new(0);
        let mut graph = TaskGraph::new();
        for n in 0..40_usize {
            let name = format!("n{n}");
            let after: Vec<String> = [n / 2, n / 3]
                .iter()
                .filter(|&&m| m < n)
                .map(|m| format!("n{m}"))
                .collect();
            let after: Vec<&str> = after.iter().map(String::as_str).collect();
            let clock = &clock;
            graph
                .add(&name, &after, move |_| {
                    Ok::<_, ()>(clock.fetch_add(1, SeqCst))
                })
                .unwrap();
        }
        let report = runtime.run(|| graph.run()).unwrap();
        assert!(report.is_done());
        let at = |n: usize| match report[format!("n{n}").as_str()] {
            NodeEnd::Done(at) => at,
            _ => unreachable!(),
        };
        assert!((1..40).all(|n| at(n) > at(n / 2) && (n < 3 || at(n) > at(n / 3))));
    });
}

#[test]
fn a_graph_skips_what_depends_on_a_failure_and_goes_on_with_the_rest() {
    within(LIMIT, "graph", || {
        let runtime = start(2);
        let mut graph = TaskGraph::new();
        graph.add("a", &[], |_| Err("a fails")).unwrap();
        graph.add("b", &["a"], |_| Ok(())).unwrap();
        graph.add("c", &["b", "d"], |_| Ok(())).unwrap();
        graph.add("d", &[], |_| Ok(())).unwrap();
        graph.add("e", &["d"], |_| panic!("e panics")).unwrap();
        let report = runtime.run(|| graph.run()).unwrap();
        assert!(matches!(
            report["a"],
            NodeEnd::Failed(MemberError::Failed("a fails"))
        ));
        for skipped in ["b", "c"] {
            assert!(matches!(&report[skipped], NodeEnd::Skipped { because } if because == "a"));
        }
        assert!(matches!(report["d"], NodeEnd::Done(())));
        assert!(matches!(
            report["e"],
            NodeEnd::Failed(MemberError::Ended(_))
        ));
    });
}

#[test]
fn a_graph_that_cannot_be_run_names_what_is_wrong() {
    let runtime = start(1);
    let ok = |_: &StopToken| Ok::<(), ()>(());
    let mut graph = TaskGraph::new();
    graph.add("start", &[], ok).unwrap();
    graph.add("x", &["start", "z"], ok).unwrap();
    graph.add("y", &["x"], ok).unwrap();
    graph.add("z", &["y"], ok).unwrap();
    graph.add("end", &["z"], ok).unwrap();
    assert_eq!(
        graph.add("x", &[], ok).unwrap_err(),
        GraphError::Duplicate("x".into())
    );
    let error = runtime.run(|| graph.run()).unwrap_err();
    let GraphError::Cycle(mut names) = error.clone() else {
        panic!("it has a cycle");
    };
    // Each after the next, from whichever on.
    let x = names.iter().position(|name| name == "x").unwrap();
    names.rotate_left(x);
    assert_eq!(names, ["x", "z", "y"]);
    assert!(error.to_string().contains(r#""x" after "z""#), "{error}");
    let mut graph = TaskGraph::new();
    graph.add("a", &["b"], ok).unwrap();
    let error = runtime.run(|| graph.run()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the node \"a\" depends on \"b\", which is not there"
    );
}

#[test]
fn a_graph_that_is_ended_from_outside_runs_no_further_node() {
    within(LIMIT, "graph", || {
        let runtime = start(2);
        let begun = AtomicUsize::new(0);
        let begins = || begun.fetch_add(1, SeqCst);
        let run_until = |deadline| {
            let mut graph = TaskGraph::new();
            let waits = |token: &StopToken| {
                begins();
                until_canceled::<()>(token)
            };
            graph.add("waits", &[], waits).unwrap();
            graph.add("after", &["waits"], |_| Ok(())).unwrap();
            let other = |_: &StopToken| {
                begins();
                Ok(())
            };
            graph.add("other", &[], other).unwrap();
            let heedless = |token: &StopToken| waits(token).or(Ok(()));
            graph.add("heedless", &[], heedless).unwrap();
            graph.add("late", &["heedless"], |_| Ok(())).unwrap();
            begun.store(0, SeqCst);
            runtime.run(|| graph.run_with(deadline, None)).unwrap()
        };
        // On a busy machine a deadline may pass before all three that can be run have begun.
        let report = (0..16)
            .map(|doubled| run_until(Deadline::after(Duration::from_millis(2 << doubled))))
            .find(|_| begun.load(SeqCst) == 3)
            .expect("they begin within a minute");
        assert_eq!(report.outcome(), Some(Outcome::TimedOut));
        assert!(matches!(
            report["waits"],
            NodeEnd::Failed(MemberError::Failed("canceled"))
        ));
        assert!(matches!(report["after"], NodeEnd::Skipped { .. }));
        assert!(matches!(report["other"], NodeEnd::Done(())));
        assert!(matches!(report["heedless"], NodeEnd::Done(())));
        assert!(matches!(report["late"], NodeEnd::NotRun(Outcome::TimedOut)));
    });
}

#[test]
fn trying_again_ends_for_the_reason_it_says() {
    within(LIMIT, "retry", || {
        let runtime = start(1);
        let quick = Retry::new().base(Duration::from_micros(10));
        let few = quick.clone().attempts(3).run(Err::<(), _>).unwrap_err();
        assert_eq!((few.why, few.attempts, few.last), (GaveUp::Attempts, 3, 3));
        let picky = quick.run_if(Err::<(), _>, |&n| n < 2).unwrap_err();
        assert_eq!((picky.why, picky.attempts), (GaveUp::NotWorthIt, 2));
        let hour = Retry::new()
            .base(Duration::from_secs(3600))
            .cap(Duration::from_secs(3600));
        let late = hour
            .clone()
            .deadline(Deadline::after(Duration::from_secs(1)))
            .run(Err::<(), _>);
        assert_eq!(late.unwrap_err().why, GaveUp::TimedOut);
        let source = StopSource::new();
        source.stop();
        let stopped = hour
            .clone()
            .stop(&source.token())
            .run(Err::<(), _>)
            .unwrap_err();
        assert_eq!((stopped.why, stopped.attempts), (GaveUp::Stopped, 1));
        let waits = runtime.spawn(move || hour.run(Err::<(), _>));
        waits.cancel();
        assert_eq!(waits.join().unwrap().unwrap_err().why, GaveUp::Canceled);
    });
}

#[test]
fn no_attempt_begins_after_the_deadline_though_the_pause_before_it_ends_late() {
    within(LIMIT, "late", || {
        let runtime = start(1);
        let deadline = Deadline::after(Duration::from_millis(200));
        let tried = runtime.run(move || {
            // Has the one worker when the pause should end, until it is too late.
            let busy = Fiber::spawn(move || {
                while !deadline.is_past() {
                    thread::yield_now();
                }
            });
            let retry = Retry::new()
                .base(Duration::from_millis(1))
                .deadline(deadline);
            let tried = retry.run(Err::<(), _>).unwrap_err();
            busy.join().unwrap();
            tried
        });
        assert_eq!((tried.why, tried.attempts), (GaveUp::TimedOut, 1));
    });
}

/// V12.
#[test]
fn a_pool_of_one_runs_what_its_own_job_submits() {
    within(LIMIT, "nested jobs", || {
        let runtime = start(1);
        let value = runtime.run(|| {
            let jobs: Vec<_> = (0..10)
                .map(|n| Fiber::spawn(move || Fiber::spawn(move || n).join().unwrap() + 1))
                .collect();
            jobs.into_iter().map(|job| job.join().unwrap()).sum::<u32>()
        });
        assert_eq!(value, 55);
    });
}

/// V12, with a pool's own jobs: who waits for those that he has added lends them his room, and has it again.
#[test]
fn a_job_pool_of_one_runs_what_its_own_job_adds() {
    within(LIMIT, "nested jobs of a pool", || {
        for workers in [0, 1, 2] {
            let runtime = start(workers);
            let pool = Arc::new(JobPool::on(&runtime, 1));
            let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (its, count) = (Arc::downgrade(&pool), Arc::clone(&inside));
            let highest = Arc::clone(&most);
            let outer = pool.add("outer", move || {
                let pool = its.upgrade().unwrap();
                let jobs: Vec<_> = (0..10)
                    .map(|_| {
                        let (count, highest) = (Arc::clone(&count), Arc::clone(&highest));
                        pool.add("inner", move || {
                            highest.fetch_max(count.fetch_add(1, SeqCst) + 1, SeqCst);
                            yield_now();
                            count.fetch_sub(1, SeqCst);
                            JobStep::Finished
                        })
                    })
                    .collect();
                // A look lends nothing.
                assert!(jobs[0].wait_until(Deadline::NOW).is_err());
                assert_eq!(pool.running(), 1);
                for job in &jobs {
                    assert!(matches!(job.wait(), Ok(JobEnd::Finished)));
                }
                assert_eq!(pool.running(), 1);
                JobStep::Finished
            });
            assert!(matches!(outer.wait(), Ok(JobEnd::Finished)));
            pool.wait_timeout(LIMIT).unwrap();
            assert_eq!((pool.len(), pool.running()), (0, 0));
            assert_eq!((inside.load(SeqCst), most.load(SeqCst)), (0, 1));
        }
    });
}

/// V9.
#[test]
fn jobs_of_a_pool_run_at_the_same_time() {
    within(LIMIT, "four jobs that meet", || {
        let runtime = start(4);
        // A barrier of threads, which none passes that is not on a thread of its own.
        let barrier = Arc::new(Barrier::new(4));
        let jobs: Vec<_> = (0..4)
            .map(|_| {
                let barrier = barrier.clone();
                runtime.spawn(move || barrier.wait().is_leader())
            })
            .collect();
        let led = jobs.into_iter().filter_map(|job| job.join().ok());
        assert_eq!(led.filter(|&led| led).count(), 1);
    });
}

// On the one worker to which both are bound: to block it until the members are over would be for ever.
#[test]
fn who_panics_with_a_group_or_a_pool_ends_after_its_members_and_blocks_no_worker() {
    within(LIMIT, "panics", || {
        let runtime = start(1);
        for pooled in [false, true] {
            let ended = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&ended);
            let owner = runtime.spawn(move || {
                let member = move || {
                    let _ = until_canceled::<()>(&StopSource::new().token());
                    yield_now();
                    count.fetch_add(1, SeqCst);
                };
                let group = Group::<(), ()>::here().unwrap();
                let pool = JobPool::here(1).unwrap();
                if pooled {
                    let mut member = Some(member);
                    pool.add("member", move || {
                        member.take().unwrap()();
                        JobStep::Finished
                    });
                } else {
                    group
                        .spawn(move || {
                            member();
                            Ok(())
                        })
                        .unwrap();
                }
                // It has begun, here.
                yield_now();
                std::panic::resume_unwind(Box::new("left"));
            });
            let end: Result<(), _> = owner.join();
            assert!(matches!(end, Err(JoinError::Panicked(_))), "{end:?}");
            assert_eq!(ended.load(SeqCst), 1, "pooled: {pooled}");
        }
    });
}

#[test]
fn who_is_killed_in_a_block_ends_with_all_its_members() {
    within(LIMIT, "killed", || {
        for workers in [1, 2] {
            let runtime = start(workers);
            let ended = Arc::new(AtomicUsize::new(0));
            let bodies: [fn(Arc<AtomicUsize>); 5] = [
                |count| drop(parallel(vec![counted(&count), counted(&count)])),
                |count| drop(race(vec![counted(&count), counted(&count)])),
                |count| {
                    let mut graph = TaskGraph::new();
                    graph.add("one", &[], counted(&count)).unwrap();
                    graph.add("two", &[], counted(&count)).unwrap();
                    drop(graph.run());
                },
                |count| {
                    let group = Group::here().unwrap();
                    for _ in 0..2 {
                        let member = counted(&count);
                        group
                            .spawn(move || member(&StopSource::new().token()))
                            .unwrap();
                    }
                    yield_now();
                    // Here it is unwound, if not before.
                    let _ = park();
                    let _ = park();
                },
                |count| {
                    let pool = JobPool::here(2).unwrap();
                    for _ in 0..2 {
                        let mut member = Some(counted(&count));
                        pool.add("member", move || {
                            let _ = member.take().unwrap()(&StopSource::new().token());
                            JobStep::Finished
                        });
                    }
                    yield_now();
                    let _ = park();
                    let _ = park();
                },
            ];
            for body in bodies {
                // Killed early, late, and while it waits.
                for turns in 0..6 {
                    let begun = ended.load(SeqCst);
                    let count = Arc::clone(&ended);
                    let owner = runtime.spawn(move || {
                        body(count);
                        let _ = park();
                        let _ = park();
                    });
                    runtime.run(|| (0..turns).for_each(|_| yield_now()));
                    owner.kill();
                    assert!(matches!(owner.join(), Err(JoinError::Killed(_))));
                    let members = ended.load(SeqCst) - begun;
                    // Those of a pool that were in line are not begun.
                    assert!(members <= 2, "{members}");
                    assert_eq!(runtime.stats().live, 0);
                }
            }
        }
    });
}

/// A member that is counted when it is over.
fn counted(
    count: &Arc<AtomicUsize>,
) -> impl FnOnce(&StopToken) -> Result<(), &'static str> + Send + use<> {
    let count = Arc::clone(count);
    move |stop| {
        let end = until_canceled(stop);
        yield_now();
        count.fetch_add(1, SeqCst);
        end
    }
}
