//! The machine under the simulation: one clock that moves only when nothing else can, and one source of randomness that
//! a seed decides. The standard library, tokio and every crate ask the C library for time, randomness and rest; while
//! the simulation runs, this module answers in its place, so that code under test runs unchanged and a seed replays
//! exactly. Outside of a simulation every call goes to the kernel. It refuses to know what runs on it.
#![allow(unsafe_code)] // Standing in for the C library takes its calling convention, and pointers that it hands over.

use comity_model::Time;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// When every simulated world begins: 2026-01-01, in seconds since 1970.
pub const BEGIN_S: u64 = 1_767_225_600;
/// What the monotonic clock shows at the beginning: some uptime, so that subtracting from it cannot underflow.
const UPTIME_S: u64 = 1_000_000;
const NANOS: u64 = 1_000_000_000;

static RUNNING: AtomicBool = AtomicBool::new(false);
static NANOS_SINCE_BEGIN: AtomicU64 = AtomicU64::new(0);
static RANDOM: AtomicU64 = AtomicU64::new(0);

/// Takes the machine over for this process, for good. The process must have one thread, or it would not replay.
pub fn boot(seed: u64) {
    RANDOM.store(seed ^ 0x6d61_6368_696e_6521, Relaxed);
    RUNNING.store(true, Relaxed);
}

/// Milliseconds since the beginning.
#[must_use]
pub fn now_ms() -> u64 {
    NANOS_SINCE_BEGIN.load(Relaxed) / 1_000_000
}

/// The true time; what a party's clock shows may differ.
#[must_use]
pub fn now() -> Time {
    let since = NANOS_SINCE_BEGIN.load(Relaxed);
    let seconds = i64::try_from(BEGIN_S + since / NANOS).unwrap_or(i64::MAX);
    Time::new(seconds, u32::try_from(since % NANOS).unwrap_or(0)).unwrap_or(Time::UNIX_EPOCH)
}

/// How many threads the process has: more than one would be chance.
#[must_use]
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

fn draw() -> u64 {
    // splitmix64: spread is what is asked of it.
    let state = RANDOM.load(Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
    RANDOM.store(state, Relaxed);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// clock_gettime(2).
///
/// # Safety
/// As in C: `time` points to a `timespec` that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    let begin = match clock {
        _ if !RUNNING.load(Relaxed) => None,
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => Some(BEGIN_S),
        libc::CLOCK_MONOTONIC | libc::CLOCK_MONOTONIC_COARSE | libc::CLOCK_MONOTONIC_RAW | libc::CLOCK_BOOTTIME => {
            Some(UPTIME_S)
        }
        _ => None,
    };
    let Some(begin) = begin else {
        // SAFETY: the caller's pointer goes to the kernel as it came.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as libc::c_int };
    };
    let since = NANOS_SINCE_BEGIN.load(Relaxed);
    let shown =
        libc::timespec { tv_sec: (begin + since / NANOS) as libc::time_t, tv_nsec: (since % NANOS) as libc::c_long };
    // SAFETY: the caller promises a writable `timespec`.
    unsafe { time.write(shown) };
    0
}

/// getrandom(2).
///
/// # Safety
/// As in C: `buffer` has `length` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(
    buffer: *mut libc::c_void,
    length: libc::size_t,
    flags: libc::c_uint,
) -> libc::ssize_t {
    if !RUNNING.load(Relaxed) {
        // SAFETY: the caller's pointer goes to the kernel as it came.
        return unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) as libc::ssize_t };
    }
    for at in 0..length {
        // SAFETY: `at` is below `length`, and the caller promises so many writable bytes.
        unsafe { buffer.cast::<u8>().add(at).write((draw() >> 32) as u8) };
    }
    length as libc::ssize_t
}

/// epoll_wait(2): tokio rests here when no task can go on. Nothing comes from outside, so the clock moves on to the next
/// timer instead.
///
/// # Safety
/// As in C: `events` has room for `count` events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(
    epoll: libc::c_int,
    events: *mut libc::epoll_event,
    count: libc::c_int,
    timeout_ms: libc::c_int,
) -> libc::c_int {
    if !RUNNING.load(Relaxed) {
        // SAFETY: the caller's pointer goes to the kernel as it came.
        return unsafe {
            libc::syscall(libc::SYS_epoll_pwait, epoll, events, count, timeout_ms, 0usize, 8usize) as libc::c_int
        };
    }
    match u64::try_from(timeout_ms) {
        Ok(ms) => {
            NANOS_SINCE_BEGIN.fetch_add(ms * 1_000_000, Relaxed);
            0
        }
        // No timer is set and no task can go on: the world stands still for ever.
        Err(_) => {
            eprintln!("the simulation stands still: no task can go on and no timer is set");
            std::process::abort()
        }
    }
}
