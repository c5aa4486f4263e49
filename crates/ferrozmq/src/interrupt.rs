//! Ending calls that wait from elsewhere.

use std::sync::Arc;

use ferrozmq_runtime as runtime;

use crate::Result;

/// A handle that ends calls which wait: for Ctrl-C, or for another thread that wants the program to end.
///
/// While it is raised, every call that may wait answers [`Error::Interrupted`](crate::Error::Interrupted), on each
/// socket that was made with it. Clones name the same interrupt. Signals alone do not end a call.
///
/// ```
/// use ferrozmq::{Context, Error, Interrupt};
///
/// let interrupt = Interrupt::new()?;
/// let ctx = Context::builder().interrupt(&interrupt).build();
/// let mut tasks = ctx.pull().bind("inproc://tasks")?;
///
/// let handler = interrupt.clone();
/// std::thread::spawn(move || handler.raise());            // or a handler of signals, as of the crate `ctrlc`
/// assert_eq!(tasks.recv(), Err(Error::Interrupted));
/// assert!(interrupt.is_raised());
///
/// interrupt.clear();                                      // calls may wait again
/// assert_eq!(tasks.try_recv(), Err(Error::Again));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Interrupt(pub(crate) Arc<runtime::Interrupt>);

impl Interrupt {
    /// Not raised yet.
    ///
    /// See the example of [`Interrupt`].
    ///
    /// # Errors
    /// [`TooManyFiles`](crate::Error::TooManyFiles) and the like: it needs a descriptor.
    pub fn new() -> Result<Self> {
        Ok(Self(Arc::new(runtime::Interrupt::new()?)))
    }

    /// Ends calls that wait, now and until [`clear`](Self::clear). May be called from any thread, also in a handler
    /// of a signal.
    ///
    /// See the example of [`Interrupt`].
    pub fn raise(&self) {
        self.0.raise();
    }

    /// Calls may wait again.
    ///
    /// See the example of [`Interrupt`].
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Whether it is raised.
    ///
    /// See the example of [`Interrupt`].
    #[inline]
    pub fn is_raised(&self) -> bool {
        self.0.is_raised()
    }
}
