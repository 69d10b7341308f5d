//! Values that are made when somebody first asks for them.

use crate::{OnceCell, OnceError, forms::const_new, once::Patience, once_cell::Ended};
use std::{convert::Infallible, fmt, ops::Deref};

/// A value that is made by `F` when it is first asked for.
///
/// If the initializer panics the panic goes on to whoever asked, and the next one who asks
/// tries again; so it is an `Fn`.
///
/// # Blocking
/// Whoever asks while another makes the value waits: a fiber suspends, a thread sleeps.
///
/// # Cancellation
/// Following the reference waits without regard to cancellation, for it has no error to return;
/// [`force`](Self::force) has.
///
/// ```
/// use vitte_sync::Lazy;
///
/// static PRIMES: Lazy<Vec<u32>> = Lazy::new(|| vec![2, 3, 5]);
/// assert_eq!(PRIMES[1], 3);
/// ```
pub struct Lazy<T, F = fn() -> T> {
    cell: OnceCell<T>,
    init: F,
}

impl<T, F: Fn() -> T> Lazy<T, F> {
    const_new! {
        /// A value that `init` will make.
        ///
        /// ```
        /// use vitte_sync::Lazy;
        ///
        /// static WORDS: Lazy<Vec<&str>> = Lazy::new(|| "to be or not".split(' ').collect());
        /// assert_eq!(WORDS.len(), 4);
        /// ```
        #[must_use]
        pub fn new(init: F) -> Self {
            Self {
                cell: OnceCell::new(),
                init,
            }
        }
    }

    /// The value; makes it if need be.
    ///
    /// # Errors
    /// [`OnceError::Reentrant`] if it is the initializer that asks; [`OnceError::Canceled`] if the
    /// caller is canceled while another makes the value.
    ///
    /// ```
    /// use vitte_sync::Lazy;
    ///
    /// let lazy = Lazy::new(|| 7);
    /// assert_eq!(Lazy::force(&lazy), Ok(&7));
    /// ```
    pub fn force(this: &Self) -> Result<&T, OnceError> {
        this.cell.get_or_init(&this.init)
    }

    /// The value, if it has been made.
    ///
    /// ```
    /// use vitte_sync::Lazy;
    ///
    /// let lazy = Lazy::new(|| 7);
    /// assert_eq!(Lazy::get(&lazy), None);
    /// assert_eq!(*lazy, 7);
    /// assert_eq!(Lazy::get(&lazy), Some(&7));
    /// ```
    pub fn get(this: &Self) -> Option<&T> {
        this.cell.get()
    }
}

impl<T, F: Fn() -> T> Deref for Lazy<T, F> {
    type Target = T;

    /// # Panics
    /// If it is the initializer that asks.
    fn deref(&self) -> &T {
        if let Some(value) = self.cell.get() {
            return value;
        }
        let patience = Patience {
            is_cancelable: false,
            ..Patience::ENDLESS
        };
        match self
            .cell
            .init(|| Ok::<T, Infallible>((self.init)()), patience)
        {
            Ok(value) => value,
            Err(Ended::Once(error)) => panic!("{error}"),
            Err(Ended::Failed(never)) => match never {},
        }
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Lazy<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("Lazy");
        match self.cell.get() {
            Some(value) => out.field(value),
            None => out.field(&format_args!("<not made>")),
        };
        out.finish()
    }
}
