//! How much memory the process has needed.

/// The most memory that this process has had in use, in MB of 1024² bytes.
///
/// It is what Linux counts as `VmHWM`. Other systems tell only through calls that are not safe
/// Rust, so there it is unknown.
pub(crate) fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    in_mb(status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?)
}

/// `  123456 kB`
fn in_mb(amount: &str) -> Option<f64> {
    let kilobytes: f64 = amount.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read() {
        assert_eq!(in_mb("\t  2048 kB"), Some(2.0));
        assert_eq!(in_mb("much"), None);
    }
}
