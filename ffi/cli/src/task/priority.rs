//! Priorities: how urgent a task is, in the words of a script.

use mlua::Value;

use super::Task;
use crate::api::{Call, Fail, Reply};
use crate::rt::Priority;

const NAMES: [(&str, Priority); 3] = [
    ("high", Priority::High),
    ("normal", Priority::Normal),
    ("low", Priority::Low),
];

/// The priority that a value names.
pub(crate) fn named(value: &Value) -> Result<Priority, Fail> {
    let got = match value {
        Value::String(name) => {
            let found = NAMES
                .iter()
                .find(|(n, _)| *name.as_bytes() == *n.as_bytes());
            if let Some((_, priority)) = found {
                return Ok(*priority);
            }
            format!("\"{}\"", name.to_string_lossy())
        }
        other => other.type_name().to_owned(),
    };
    Err(format!("a priority is \"high\", \"normal\" or \"low\", got {got}").into())
}

/// What a priority is called.
pub(super) fn name(priority: Priority) -> &'static str {
    let found = NAMES.iter().find(|(_, p)| *p == priority);
    found.map_or("normal", |(name, _)| name)
}

/// `vitte.priority(name)`, of the task that calls.
pub(crate) fn own(call: &Call<'_>) -> Reply {
    let (_, me) = call.current()?;
    change(call, &me, &call.arg(0))
}

/// Gives a task the priority that `wanted` names, if it names one; returns what it had.
pub(super) fn change(call: &Call<'_>, task: &Task, wanted: &Value) -> Reply {
    let before = match wanted {
        Value::Nil => task.priority(),
        wanted => task.set_priority(named(wanted)?),
    };
    Ok(vec![call.string(name(before))?])
}
