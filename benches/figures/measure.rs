//! Measuring: wall time, this thread's own time on a processor, medians, and ratios taken in pairs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// What one run of something took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// From beginning to end.
    pub wall: Duration,
    /// On a processor, in this thread: what programs that were started took is not in it.
    pub own: Duration,
}

/// Runs something and says what it took.
pub fn time<T>(run: impl FnOnce() -> T) -> (T, Took) {
    let (begun, own) = (Instant::now(), on_processor());
    let result = run();
    let took = Took { wall: begun.elapsed(), own: on_processor().saturating_sub(own) };
    (result, took)
}

/// How long this thread was on a processor: the first field of `/proc/thread-self/schedstat`, in nanoseconds (proc(5)).
fn on_processor() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    Duration::from_nanos(text.split(' ').next().and_then(|field| field.parse().ok()).expect("a number"))
}

/// The middle one of an odd number of values, the higher of the two middle ones of an even number.
pub fn median<T: Copy + PartialOrd>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    values[values.len() / 2]
}

/// Two things in turn, A B A B …: the median of each and of the ratio pair by pair.
pub struct Paired {
    pub ours: Duration,
    pub own: Duration,
    pub theirs: Duration,
    pub ratio: f64,
}

/// Measures two things in turn.
pub fn paired(runs: usize, mut ours: impl FnMut() -> Took, mut theirs: impl FnMut() -> Took) -> Paired {
    let pairs: Vec<(Took, Took)> = (0..runs).map(|_| (ours(), theirs())).collect();
    let ratio = |(a, b): &(Took, Took)| a.wall.as_secs_f64() / b.wall.as_secs_f64();
    Paired {
        ours: median(pairs.iter().map(|(a, _)| a.wall).collect()),
        own: median(pairs.iter().map(|(a, _)| a.own).collect()),
        theirs: median(pairs.iter().map(|(_, b)| b.wall).collect()),
        ratio: median(pairs.iter().map(ratio).collect()),
    }
}

/// A value of `/proc/PID/status` in KiB: `VmRSS`, `VmHWM`.
pub fn memory(process: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("the process");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a size")
}

/// How long a process and those that it started were on a processor, in ticks: fields 14 to 17 of `/proc/PID/stat` (proc(5)).
/// `None` while one that it started still runs: their field 4 is its number.
pub fn worked(process: u32) -> Option<u64> {
    let fields = |path: &Path| {
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let mut parents = processes.filter_map(|entry| fields(&entry.path())?.get(1)?.parse::<u32>().ok());
    if parents.any(|parent| parent == process) {
        return None;
    }
    let own = fields(Path::new(&format!("/proc/{process}"))).expect("the process");
    Some(own[11..15].iter().map(|field| field.parse::<u64>().expect("a number")).sum())
}

/// A duration as people read it.
pub fn shown(duration: Duration) -> String {
    match duration.as_secs_f64() {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 0.1 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}
