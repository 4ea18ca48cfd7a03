//! What this process uses of its machine.

use super::form::{Kind, Metric};
use super::now;

/// The share of one processor since the start of the process, and of the memory now, in percent. Where the system does
/// not tell, there is none.
pub(crate) fn usage() -> Vec<Metric> {
    let Some((cpu, memory)) = shares() else {
        return Vec::new();
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    vec![
        Metric::rate(Kind::NODE_CPU, host, now(), in_percent(cpu)),
        Metric::rate(Kind::NODE_MEMORY, host, now(), in_percent(memory)),
    ]
}

/// With one decimal, as `ps` shows it.
fn in_percent(share: f64) -> f64 {
    (share * 1000.0).round() / 10.0
}

#[cfg(target_os = "linux")]
fn shares() -> Option<(f64, f64)> {
    use procfs::{Current, Meminfo, Uptime, WithCurrentSystemInfo};

    let stat = procfs::process::Process::myself().ok()?.stat().ok()?;
    let ticks = procfs::ticks_per_second() as f64;
    let alive = Uptime::current().ok()?.uptime - stat.starttime as f64 / ticks;
    let used = (stat.utime + stat.stime) as f64 / ticks;
    let resident = stat.rss_bytes().get() as f64;
    Some((used / alive.max(1.0 / ticks), resident / Meminfo::current().ok()?.mem_total as f64))
}

#[cfg(not(target_os = "linux"))]
fn shares() -> Option<(f64, f64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_shares_are_those_of_this_process() {
        let (cpu, memory) = shares().unwrap();
        assert!(cpu >= 0.0 && memory > 0.0 && memory < 1.0, "{cpu} {memory}");
        assert_eq!(in_percent(0.012_34), 1.2);
    }
}
