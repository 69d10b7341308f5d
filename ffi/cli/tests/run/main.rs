//! The command as its users meet it: scripts in, output and exit code out.

mod broadcast;
mod buffers;
mod channels;
mod command;
mod endings;
mod errors;
mod examples;
mod harness;
mod load;
mod locks;
mod priorities;
mod select;
mod stacks;
mod states;
mod streams;
mod tasks;
mod tcp;
mod timers;
mod together;
mod values;
