//! Spare workers: who works in the place of one whose thread is blocked.
//!
//! The workers that work are the first ones, so many that the number asked for have their places; the
//! others are retired. So a spare worker is one that was retired, or that never was, and when a blocked
//! one comes back the highest retires again: it gives away what others may run and serves what is pinned
//! to it. A spare that has nothing to serve rests for a while before its thread ends, for who blocks once
//! blocks again.
//!
//! Who decides is the pacer. It looks at the places every [`PATIENCE`] while somebody waits whom only a
//! worker that is inside a region keeps waiting, and takes at most as many as there are tasks that wait.

use crate::{crew::Crew, shared::Shared};
use std::{io, sync::Arc};
use vitte_wait::facade::{atomic::Ordering::Relaxed, clock};

/// How long, in nanoseconds, somebody may be inside a region before his place is taken.
pub(crate) const PATIENCE: u64 = 100_000;
/// How often the places are looked at after somebody was seen inside.
const LOOKS: u32 = 10;
/// How long after the system refused a thread the next is asked for.
const AFTER_REFUSAL: u64 = 100_000_000;

/// What the pacer has seen of the places.
#[derive(Default)]
pub(crate) struct Places {
    /// By worker: the region it was last seen in, and since when.
    seen: Vec<(u32, u64)>,
    /// How often to look again soon.
    looks: u32,
    /// Until when no thread is asked for.
    refused_until: u64,
}

impl Places {
    /// Forgets how long who was inside.
    pub(crate) fn forget(&mut self) {
        self.seen.clear();
    }

    /// Takes the places of those who have been inside for long, if anybody waits for it. Says whether to
    /// look again soon.
    pub(crate) fn look(&mut self, shared: &Arc<Shared>, now: u64) -> bool {
        let active = shared.active();
        self.seen.resize(active, (0, now));
        let mut long = Vec::new();
        let mut inside = false;
        for (index, (remote, seen)) in shared.remotes.iter().zip(&mut self.seen).enumerate() {
            match remote.region.inside() {
                Some(word) if word == seen.0 => {
                    inside = true;
                    if now.saturating_sub(seen.1) >= PATIENCE {
                        long.push((index, word));
                    }
                }
                word => {
                    inside |= word.is_some();
                    *seen = (word.unwrap_or(0), now);
                }
            }
        }
        // Who takes over may be inside himself in a moment.
        self.looks = if inside {
            LOOKS
        } else {
            self.looks.saturating_sub(1)
        };
        let may = now >= self.refused_until && active < shared.most_active();
        if self.looks == 0 || !may || shared.idle.has_idle() {
            return false;
        }
        let waiting = shared.waiting_up_to(long.len().max(1));
        for (index, word) in long.into_iter().take(waiting) {
            if let Err(_refused) = shared.crew.lock().take_place(shared, index, word) {
                self.refused_until = clock::now().saturating_add(AFTER_REFUSAL);
                return false;
            }
        }
        waiting > 0
    }
}

impl Crew {
    /// Takes the place of worker `index`, if it is still in the region that was `seen`.
    fn take_place(&mut self, shared: &Arc<Shared>, index: usize, seen: u32) -> io::Result<()> {
        // A shutdown that stops takes the threads under the lock, those we start included.
        if shared.is_stopping() || index >= shared.active() {
            return Ok(());
        }
        let region = &shared.remotes[index].region;
        if region.take(seen)
            && let Err(refused) = self.adjust(shared)
        {
            region.give_back();
            let _ = self.adjust(shared);
            return Err(refused);
        }
        Ok(())
    }

    /// Has as many workers work as there should. On an error there are as many as could be had.
    pub(crate) fn adjust(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        let regions = shared.remotes.iter().map(|remote| &remote.region);
        let wanted = super::needed(regions, shared.target(), shared.most_active());
        let old = shared.active();
        for index in old..wanted {
            shared.remotes.grow(index);
            let is_spare = index >= shared.target();
            shared.remotes[index].spare.store(is_spare, Relaxed);
            // First, for a thread that finds itself retired might end at once.
            shared.set_active(index + 1);
            if let Err(error) = self.start(shared, index) {
                shared.set_active(index);
                return Err(error);
            }
            // It may have been alive, and rest.
            shared.idle.post_to(shared, index);
        }
        if wanted < old {
            shared.set_active(wanted);
            for index in wanted..old {
                shared.idle.post_to(shared, index);
            }
        }
        Ok(())
    }
}

impl Shared {
    /// How many workers may work, spare ones included.
    pub(crate) fn most_active(&self) -> usize {
        (self.target() + self.config.most_spare_threads).min(crate::MOST_WORKERS)
    }

    /// How many tasks lie where another worker may take them; `most` at most. A hint.
    fn waiting_up_to(&self, most: usize) -> usize {
        if !self.lanes.are_empty() {
            return most;
        }
        let mut waiting = self.injector.len();
        for remote in self.remotes.iter() {
            if waiting >= most {
                return most;
            }
            waiting += remote.fresh.len();
            waiting += remote.movable.get().map_or(0, |movable| movable.len());
        }
        waiting.min(most)
    }
}
