//! The one door through which anything blocks.
