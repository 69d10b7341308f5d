//! What tasks share by reference: the objects behind a script's handles.

use std::fmt;
use std::sync::Arc;

use crate::broadcast::{Broadcast, Subscription};
use crate::buffer::Buffer;
use crate::channel::Channel;
use crate::lock::Lock;
use crate::task::Task;
use crate::tcp::Socket;
use crate::timer::Timer;

/// The userdata inside a handle. Copying it to another state copies the reference.
#[derive(Debug, Clone)]
pub(crate) enum Object {
    Task(Arc<Task>),
    Channel(Arc<Channel>),
    Buffer(Arc<Buffer>),
    Mutex(Arc<Lock>),
    Broadcast(Arc<Broadcast>),
    Subscription(Arc<Subscription>),
    Socket(Arc<Socket>),
    Timer(Arc<Timer>),
}

impl mlua::UserData for Object {}

impl Object {
    /// Whether two handles name the same object.
    pub(crate) fn same(&self, other: &Object) -> bool {
        self.address() == other.address()
    }

    fn address(&self) -> usize {
        match self {
            Object::Task(x) => Arc::as_ptr(x) as usize,
            Object::Channel(x) => Arc::as_ptr(x) as usize,
            Object::Buffer(x) => Arc::as_ptr(x) as usize,
            Object::Mutex(x) => Arc::as_ptr(x) as usize,
            Object::Broadcast(x) => Arc::as_ptr(x) as usize,
            Object::Subscription(x) => Arc::as_ptr(x) as usize,
            Object::Socket(x) => Arc::as_ptr(x) as usize,
            Object::Timer(x) => Arc::as_ptr(x) as usize,
        }
    }

    /// What it is, with an article.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Object::Task(_) => "a task",
            Object::Channel(_) => "a channel",
            Object::Buffer(_) => "a buffer",
            Object::Mutex(_) => "a mutex",
            Object::Broadcast(_) => "a broadcast",
            Object::Subscription(_) => "a subscription",
            Object::Socket(socket) if socket.is_listener() => "a listener",
            Object::Socket(_) => "a stream",
            Object::Timer(_) => "a timer",
        }
    }

    /// A number to tell it from others of its kind in a message.
    fn number(&self) -> u64 {
        match self {
            Object::Task(task) => task.id(),
            other => other.address() as u64,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.kind().trim_start_matches("a ");
        write!(f, "vitte.{name} #{}", self.number())
    }
}
