//! What the kernel says this process holds.

/// The most memory that was ever resident, in bytes; 0 where the kernel does not say.
pub(crate) fn peak_rss() -> u64 {
    field("VmHWM:")
}

/// Resident memory and the page tables that map it (which are not part of it), in bytes.
pub(crate) fn resident_and_page_tables() -> u64 {
    field("VmRSS:") + field("VmPTE:")
}

fn field(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn touched_memory_shows_up_in_what_is_resident() {
        let before = resident_and_page_tables();
        let block = vec![1_u8; 32 << 20];
        let growth = resident_and_page_tables().saturating_sub(before);
        assert!(
            growth > 24 << 20,
            "32 MiB were touched, {growth} bytes appeared"
        );
        assert!(peak_rss() >= 24 << 20);
        drop(block);
    }
}
