//! What this process costs, from `/proc/self`: memory, descriptors, threads, processor time. No crate is worth these
//! few lines; where there is no `/proc`, nothing is shown.

use std::fmt::Write;
use std::fs;

/// Ticks per second in `/proc/self/stat`: `USER_HZ`, 100 in the kernel's interface to user space on every architecture
/// that Rust's Linux targets support in practice.
const USER_HZ: f64 = 100.0;

/// One number about the process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The name, as Prometheus clients of all languages use it.
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// The value.
    pub value: f64,
}

/// Reads what can be read.
pub fn read() -> Vec<Reading> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let system = fs::read_to_string("/proc/stat").unwrap_or_default();
    let gauge = |name, help, value: Option<f64>| value.map(|value| Reading { name, kind: "gauge", help, value });
    let cpu = stat_field(&stat, 14).zip(stat_field(&stat, 15)).map(|(user, kernel)| (user + kernel) / USER_HZ);
    let started = stat_field(&stat, 22).zip(boot_time(&system)).map(|(ticks, boot)| boot + ticks / USER_HZ);
    let descriptors = fs::read_dir("/proc/self/fd").ok().and_then(|entries| u32::try_from(entries.count()).ok());
    let readings = [
        gauge(
            "process_resident_memory_bytes",
            "Resident memory.",
            status_kilobytes(&status, "VmRSS").map(|kb| kb * 1024.0),
        ),
        gauge("process_open_fds", "Open file descriptors.", descriptors.map(f64::from)),
        gauge("process_max_fds", "The most file descriptors allowed.", open_files_limit(&limits)),
        gauge("process_threads", "Threads.", status_kilobytes(&status, "Threads")),
        gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", started),
        cpu.map(|value| Reading {
            name: "process_cpu_seconds_total",
            kind: "counter",
            help: "Processor time, user and system.",
            value,
        }),
    ];
    readings.into_iter().flatten().collect()
}

/// Returns the readings in Prometheus' text format.
pub fn exposition() -> String {
    read().into_iter().fold(String::new(), |mut text, reading| {
        let Reading { name, kind, help, value } = reading;
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        text
    })
}

fn status_kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Field `number` of `/proc/PID/stat`, counted from 1. The second is the program's name in brackets and may hold spaces.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn boot_time(system: &str) -> Option<f64> {
    system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn open_files_limit(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_the_name_even_if_it_has_spaces_and_brackets() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 7700 1 2 3";
        assert_eq!(
            (stat_field(stat, 14), stat_field(stat, 15), stat_field(stat, 22)),
            (Some(250.0), Some(50.0), Some(7700.0))
        );
        assert_eq!(stat_field("", 14), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_descriptors_and_a_start() {
        let readings = read();
        assert_eq!(readings.len(), 6, "{readings:?}");
        assert!(readings.iter().all(|reading| reading.value >= 0.0), "{readings:?}");
        assert!(exposition().contains("\nprocess_resident_memory_bytes "));
    }
}
