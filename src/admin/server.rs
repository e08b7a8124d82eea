//! Connections to the control socket: a line in, a line out.

use super::protocol::{self, Failure};
use super::requests::Requests;
use super::socket::Bound;
use crate::limits::{CONTROL_CONNECTIONS_MAX, CONTROL_IDLE_MAX, CONTROL_REQUEST_BYTES_MAX};
use crate::watch::SecurityEvent;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};

/// Takes connections until it is told to stop.
pub async fn serve(bound: Bound, requests: Requests, stop: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = UnixListener::from_std(bound.listener)?;
    let board = requests.board.clone();
    let (requests, room) = (Arc::new(requests), Arc::new(Semaphore::new(CONTROL_CONNECTIONS_MAX)));
    let accepting = async {
        loop {
            // Those for whom there is no room wait in the kernel.
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (requests, owner) = (Arc::clone(&requests), bound.owner);
                    tokio::spawn(async move {
                        // An operator who goes away in the middle is nobody's fault.
                        let _ = converse(stream, &requests, owner).await;
                        drop(permit);
                    });
                }
                // Such as no descriptor free: it may be better in a moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = super::sample(&board) => {}
        // Told, or whoever would have told is gone.
        _ = stop => {}
    }
    Ok(())
}

async fn converse(stream: UnixStream, requests: &Requests, owner: u32) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != owner && uid != 0 {
        requests.note(SecurityEvent::ControlRefused { uid });
        return Ok(());
    }
    let idle = Duration::from_millis(CONTROL_IDLE_MAX.as_millis());
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        let request = match tokio::time::timeout(idle, read_line(&mut stream, &mut line)).await {
            Ok(Ok(true)) if line.len() > CONTROL_REQUEST_BYTES_MAX => {
                Err(Failure::BadRequest(format!("it is longer than {CONTROL_REQUEST_BYTES_MAX} bytes")))
            }
            Ok(Ok(true)) => protocol::parse(&line),
            Ok(Ok(false)) | Err(_) => return Ok(()),
            Ok(Err(error)) => return Err(error),
        };
        let answer = match request {
            Ok(request) => requests.execute(request, uid).await,
            Err(failure) => Err(failure),
        };
        match tokio::time::timeout(idle, stream.write_all(protocol::line(&answer).as_bytes())).await {
            Ok(told) => told?,
            Err(_) => return Ok(()),
        }
    }
}

/// The next line without its end; false at the end of the stream. Of one that is too long a little more is kept than is
/// allowed, which tells that it is.
async fn read_line(stream: &mut BufReader<UnixStream>, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    loop {
        let read = stream.fill_buf().await?;
        if read.is_empty() {
            return Ok(false);
        }
        let end = read.iter().position(|byte| *byte == b'\n');
        let length = end.unwrap_or(read.len());
        let room = (CONTROL_REQUEST_BYTES_MAX + 1).saturating_sub(line.len());
        line.extend_from_slice(&read[..length.min(room)]);
        stream.consume(end.map_or(length, |end| end + 1));
        if end.is_some() {
            return Ok(true);
        }
    }
}
