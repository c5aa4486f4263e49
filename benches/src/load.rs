//! The other program on the machine: pinned to one core, busy half of the time.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, mem, thread};

/// A period of the load; it is busy for half of it.
const PERIOD: Duration = Duration::from_millis(10);

/// The running load; ends on drop.
pub(crate) struct Load(Child);

impl Load {
    /// Starts the process.
    pub(crate) fn start() -> io::Result<Self> {
        let child = Command::new(env::current_exe()?).arg("load").stdin(Stdio::null()).spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the process does until it is killed.
pub(crate) fn run() -> io::Result<()> {
    pin_to_first_core()?;
    loop {
        let start = Instant::now();
        while start.elapsed() < PERIOD / 2 {
            std::hint::spin_loop();
        }
        thread::sleep(PERIOD.saturating_sub(start.elapsed()));
    }
}

#[cfg(target_os = "linux")]
fn pin_to_first_core() -> io::Result<()> {
    // SAFETY: cpu_set_t is a bit set, for which all zeros is the empty set.
    let mut allowed: libc::cpu_set_t = unsafe { mem::zeroed() };
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: the set is writable and `size` bytes long.
    if unsafe { libc::sched_getaffinity(0, size, &raw mut allowed) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let cores = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: the core is below CPU_SETSIZE.
    let first = cores.into_iter().find(|&core| unsafe { libc::CPU_ISSET(core, &allowed) });
    // SAFETY: as above, an empty set.
    let mut one: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the core is below CPU_SETSIZE.
    unsafe { libc::CPU_SET(first.unwrap_or(0), &mut one) };
    // SAFETY: the set is readable and `size` bytes long.
    match unsafe { libc::sched_setaffinity(0, size, &raw const one) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn pin_to_first_core() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Ends this process when the one that started it ends, however that happens.
pub(crate) fn end_with_parent() {
    // SAFETY: the call takes a number and touches no memory of ours.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}
