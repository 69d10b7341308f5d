//! Why a unit waits, for whoever looks at it from outside.

/// What a unit is waiting for.
///
/// It goes with the address of the object waited on, and is what dumps and wait-for graphs show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum Reason {
    /// Not waiting.
    None = 0,
    /// For its park token.
    Park = 1,
    /// For a point in time.
    Sleep = 2,
    /// For a task to end.
    Join = 3,
    /// For room in a channel, or for its taker.
    Send = 4,
    /// For a value in a channel.
    Recv = 5,
    /// For the last task of a scope.
    Scope = 6,
    /// For a lock.
    Lock = 7,
    /// For a condition, an event, a latch, or a signal.
    Event = 8,
    /// For a shutdown to be over.
    Shutdown = 9,
    /// For the first of several things.
    Select = 10,
    /// For a job on a thread of its own.
    Offload = 11,
    /// For something to read from a descriptor.
    Readable = 12,
    /// For room to write to a descriptor.
    Writable = 13,
}

impl Reason {
    /// The reason whose number is `code`, [`Reason::None`] if there is none.
    #[must_use]
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Park,
            2 => Self::Sleep,
            3 => Self::Join,
            4 => Self::Send,
            5 => Self::Recv,
            6 => Self::Scope,
            7 => Self::Lock,
            8 => Self::Event,
            9 => Self::Shutdown,
            10 => Self::Select,
            11 => Self::Offload,
            12 => Self::Readable,
            13 => Self::Writable,
            _ => Self::None,
        }
    }
}
