//! What the process uses, by the names that all of Prometheus' clients give it.
//!
//! It is looked up when it is asked for. What the system does not tell is left out.

use std::{fmt, fs};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// The process.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

impl Process {
    /// The process, which has just started.
    pub(super) fn started() -> Self {
        Self {
            started: Timestamp::now().as_duration().as_secs_f64(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut write = |name: &str, help: &str, metric: &dyn EncodeMetric| {
            let to = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
            metric.encode(to)
        };
        let used = clock_gettime(ClockId::ProcessCPUTime);
        #[allow(clippy::cast_precision_loss, reason = "a time for dashboards")]
        let used = ConstCounter::new(used.tv_sec as f64 + used.tv_nsec as f64 / 1e9);
        write(
            "process_cpu_seconds",
            "Time on a CPU, its own and the kernel's for it, in seconds.",
            &used,
        )?;
        let help = "When the process started, in seconds since 1970.";
        write("process_start_time_seconds", help, &ConstGauge::new(self.started))?;
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for (name, field, help) in [
            ("process_resident_memory_bytes", "VmRSS:", "Memory in use, in bytes."),
            (
                "process_virtual_memory_bytes",
                "VmSize:",
                "Address space in use, in bytes.",
            ),
        ] {
            if let Some(bytes) = bytes(&status, field) {
                write(name, help, &ConstGauge::new(bytes))?;
            }
        }
        // The folder that is read is open too, while it is.
        if let Some(open) = fs::read_dir("/proc/self/fd")
            .ok()
            .map(|open| open.count().saturating_sub(1))
        {
            let open = ConstGauge::new(i64::try_from(open).unwrap_or(i64::MAX));
            write("process_open_fds", "Files and connections that are open.", &open)?;
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            let most = ConstGauge::new(i64::try_from(most).unwrap_or(i64::MAX));
            write(
                "process_max_fds",
                "Files and connections that may be open at a time.",
                &most,
            )?;
        }
        Ok(())
    }
}

/// A size that proc(5) gives in KiB, in bytes.
fn bytes(status: &str, field: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_in_bytes_and_what_is_no_size_is_none() {
        let status = "Name:\tVmRSS:\nVmRSS:\t  12 kB\nVmSize:\tmuch\n";
        assert_eq!(bytes(status, "VmRSS:"), Some(12 * 1024));
        assert_eq!(bytes(status, "VmSize:"), None);
        assert_eq!(bytes("", "VmRSS:"), None);
    }
}
