//! The socket of the control plane: where it is, and who may use it.
//!
//! It is bound under another name, closed to others, and then renamed, so that there is no moment at which somebody
//! else could connect; and whoever connects is asked for the user that it runs as (SO_PEERCRED).

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why the socket is not there.
#[derive(Debug, thiserror::Error)]
#[error("control socket {}: {why}", path.display())]
pub struct SocketError {
    /// Where it was to be.
    pub path: PathBuf,
    /// Why it is not.
    pub why: String,
}

/// The socket, bound.
#[derive(Debug)]
pub struct Bound {
    /// The listener, which does not block.
    pub listener: UnixListener,
    /// Where it is.
    pub path: PathBuf,
    /// The user that the server runs as.
    pub owner: u32,
}

/// Binds it. What a server that was killed has left there is replaced; a socket that somebody listens on is not.
pub fn bind(path: &Path) -> Result<Bound, SocketError> {
    let failed = |why: String| SocketError { path: path.to_owned(), why };
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(failed("something that is no socket stands there".to_owned()));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(failed("another server listens there".to_owned()));
        }
        _ => {}
    }
    let open = || -> io::Result<Bound> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push("~");
        let temporary = path.with_file_name(name);
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&temporary)?;
        std::fs::set_permissions(&temporary, PermissionsExt::from_mode(0o600))?;
        let owner = std::fs::metadata(&temporary)?.uid();
        std::fs::rename(&temporary, path)?;
        listener.set_nonblocking(true)?;
        Ok(Bound { listener, path: path.to_owned(), owner })
    };
    open().map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => failed(format!("{error}; name a shorter one by control.socket")),
        _ => failed(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_server_left_is_replaced_and_what_is_in_use_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        let first = bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(bind(&path).unwrap_err().to_string().contains("another server"));
        drop(first);
        assert!(bind(&path).is_ok(), "nobody listens any more");
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(bind(&file).unwrap_err().to_string().contains("no socket"));
        let long = dir.path().join("x".repeat(120));
        assert!(bind(&long).unwrap_err().to_string().contains("shorter"));
    }
}
