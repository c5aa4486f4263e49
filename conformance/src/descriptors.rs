//! How many descriptors the process has, and may have.

/// Raises the limit as far as the system allows; at most `wanted` connections whose two ends are in this process fit then.
pub fn connections(wanted: usize) -> usize {
    /// For everything else that a test has open.
    const OTHERS: u64 = 100;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for the calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
    }
    let room = usize::try_from(limit.rlim_cur.saturating_sub(OTHERS) / 2).unwrap_or(usize::MAX);
    wanted.min(room)
}

/// How many the process has open.
pub fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("the list of descriptors").count()
}
