//! The machine whose clock, disk and network a thread sees: the kernel's, or one in memory.
//!
//! ```text
//!   sys::clock ──┐                    ┌── the kernel, as in every server
//!   sys::file  ──┼── whose? once, ────┤
//!   sys::socket ─┤   when it is made  └── a Machine: this thread is inside within(&machine, …)
//!   sys::poll  ──┘
//! ```
//!
//! The simulator, `tests/sim`, runs the product's own agents on machines whose disk loses what was not synced and whose
//! network breaks when a seed says so. What is made inside [`within`] belongs to that machine for as long as it lives;
//! afterwards every call is one branch, which a server always takes the same way. A server never enters a machine.
//!
//! What is behind a [`Disk`] or a [`Network`] means what the system calls of its name mean: their errors are `errno`s.

use super::clock::Hand;
use super::socket::Moved;
use std::cell::RefCell;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// A machine in memory. Clones are the same machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its time.
    pub clock: Hand,
    /// Its files.
    pub disk: Arc<dyn Disk>,
    /// Its connections.
    pub network: Arc<dyn Network>,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// To be read: it must be there.
    Read,
    /// To be read and written: it must be there.
    Write,
    /// To be read and written, empty: made where there is none.
    Create,
}

/// Files and folders.
pub trait Disk: Debug + Send + Sync {
    /// Makes a folder and those above it; it may be there.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Whether there is such a folder.
    fn has_folder(&self, path: &Path) -> bool;
    /// The names in a folder, in any order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, in the place of one that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Debug + Send + Sync {
    /// How long it is.
    fn size(&self) -> io::Result<u64>;
    /// Fills `bytes` from `offset` on, or fails.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes` from `offset` on.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes it at least `size` bytes long, and promises their room.
    fn allocate(&self, size: u64) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&self) -> io::Result<()>;
}

/// Where connections come from.
pub trait Network: Debug + Send + Sync {
    /// Listens.
    fn listen(&self, address: SocketAddr) -> io::Result<Arc<dyn Socket>>;
}

/// A listener, or one end of a connection. Dropping the last of its clones closes it.
pub trait Socket: Debug + Send + Sync {
    /// Where a listener listens, or where a connection comes from.
    fn address(&self) -> SocketAddr;
    /// The next connection of a listener.
    fn accept(&self) -> Option<Arc<dyn Socket>>;
    /// Reads what is there.
    fn read(&self, into: &mut [u8]) -> Moved;
    /// Writes what there is room for.
    fn write(&self, bytes: &[u8]) -> Moved;
    /// Says that no more comes.
    fn finish(&self);
    /// Whether a read, or an accept, tells something.
    fn is_readable(&self) -> bool;
    /// Whether a write takes something, or fails.
    fn is_writable(&self) -> bool;
    /// SHA-256 of the SubjectPublicKeyInfo of the certificate that the client has: there is no TLS on such a network.
    fn client_spki(&self) -> [u8; 32];
}

thread_local! {
    static MACHINE: RefCell<Option<Machine>> = const { RefCell::new(None) };
}

/// Takes a machine away again, also when what ran on it panicked.
struct Leave(Option<Machine>);

impl Drop for Leave {
    fn drop(&mut self) {
        MACHINE.replace(self.0.take());
    }
}

/// Runs something on a machine: what it makes of [`crate::sys`] belongs to that.
pub fn within<R>(machine: &Machine, run: impl FnOnce() -> R) -> R {
    let _leave = Leave(MACHINE.replace(Some(machine.clone())));
    run()
}

/// Whether this thread is inside of a machine. A thread that it starts would not be.
pub fn is_entered() -> bool {
    MACHINE.with_borrow(Option::is_some)
}

/// The machine that this thread is inside of.
pub(super) fn current() -> Option<Machine> {
    MACHINE.with_borrow(Clone::clone)
}
