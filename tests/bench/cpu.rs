//! CPU time of threads and processes, as the kernel accounts it.

use std::fs;

/// Nanoseconds of CPU that a task has used, from a `schedstat` file.
fn schedstat(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// Nanoseconds of CPU that this thread has used.
pub(crate) fn this_thread() -> u64 {
    // The kernel brings the figure up to date when the thread is scheduled.
    std::thread::yield_now();
    schedstat("/proc/thread-self/schedstat").expect("this bench needs Linux with schedstat")
}

/// Nanoseconds of CPU that all threads of a process have used.
pub(crate) fn process(pid: u32) -> u64 {
    fs::read_dir(format!("/proc/{pid}/task"))
        .expect("the process runs")
        .filter_map(|task| schedstat(&format!("{}/schedstat", task.ok()?.path().display())))
        .sum()
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("VmRSS is in status");
    line.split_ascii_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("VmRSS is a number")
}

/// CPU microseconds of one call: the median of seven rounds of about 150 ms each.
pub(crate) fn micros(mut operation: impl FnMut()) -> f64 {
    let from = this_thread();
    let mut calls = 0u32;
    while this_thread() - from < 20_000_000 {
        operation();
        calls += 1;
    }
    let per_round = (calls * 8).max(1);
    let mut rounds: Vec<f64> = (0..7)
        .map(|_| {
            let from = this_thread();
            (0..per_round).for_each(|_| operation());
            (this_thread() - from) as f64 / f64::from(per_round) / 1000.0
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[3]
}
