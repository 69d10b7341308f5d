//! Handles of threads and guards: numbers in a pointer's clothes, each of which is given out once.
//!
//! A handle is never followed but looked up, so one that is used up, or was never given out, names nobody. What is used
//! all the time has its own table (`handle`), or is a pointer and counted (`channel`).
//!
//! **Invariants:** a number is in the table from when it is given out until what it names is taken. It is odd, so that
//! it is no pointer to anything of the caller's with an alignment.

use crate::{VT_EINVAL, VT_ESTALE, boundary::Answer};
use std::{collections::HashMap, marker::PhantomData, ptr, sync::LazyLock};
use vitte_wait::facade::Mutex;

/// What handles of type `*mut H` name.
pub(crate) struct Named<H, T> {
    table: LazyLock<Mutex<Table<T>>>,
    handles: PhantomData<fn() -> H>,
}

struct Table<T> {
    entries: HashMap<usize, T>,
    last: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        // Not a small number, so that a small number is no handle.
        let (entries, last) = (HashMap::new(), 0x5654_0001);
        Self { entries, last }
    }
}

impl<H, T> Named<H, T> {
    pub(crate) const fn new() -> Self {
        Self {
            table: LazyLock::new(Mutex::default),
            handles: PhantomData,
        }
    }

    /// A new handle, of `value`.
    pub(crate) fn name(&self, value: T) -> *mut H {
        let mut table = self.table.lock();
        table.last = table.last.wrapping_add(2);
        let number = table.last;
        table.entries.insert(number, value);
        ptr::without_provenance_mut(number)
    }

    /// Lets `visit` see what `handle` names. It is called under a lock: it must not wait, nor call what is foreign.
    pub(crate) fn visit<R>(
        &self,
        handle: *mut H,
        visit: impl FnOnce(&mut T) -> Answer<R>,
    ) -> Answer<R> {
        let number = number(handle)?;
        let mut table = self.table.lock();
        visit(table.entries.get_mut(&number).ok_or(VT_ESTALE)?)
    }

    /// Takes what `handle` names, if `may` agrees, as for [`visit`](Self::visit); the handle is stale from then on.
    pub(crate) fn take_if(&self, handle: *mut H, may: impl FnOnce(&T) -> Answer) -> Answer<T> {
        let number = number(handle)?;
        let mut table = self.table.lock();
        may(table.entries.get(&number).ok_or(VT_ESTALE)?)?;
        table.entries.remove(&number).ok_or(VT_ESTALE)
    }
}

fn number<H>(handle: *mut H) -> Answer<usize> {
    if handle.is_null() {
        return Err(VT_EINVAL);
    }
    Ok(handle.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_names_one_thing_and_nothing_once_that_is_taken() {
        let named = Named::<u8, &str>::new();
        let (first, second) = (named.name("first"), named.name("second"));
        assert_ne!(first, second);
        assert_eq!(named.visit(first, |it| Ok(*it)), Ok("first"));
        assert_eq!(named.take_if(first, |_| Err(VT_EINVAL)), Err(VT_EINVAL));
        assert_eq!(named.take_if(first, |_| Ok(())), Ok("first"));
        assert_eq!(named.take_if(first, |_| Ok(())), Err(VT_ESTALE));
        assert_eq!(named.visit(first, |_| Ok(())), Err(VT_ESTALE));
        assert_ne!(named.name("third"), first);
        assert_eq!(named.visit(second, |it| Ok(*it)), Ok("second"));
        assert_eq!(named.visit(ptr::null_mut(), |_| Ok(())), Err(VT_EINVAL));
    }
}
