//! The network between a client and a server, with a hand on it: it can be cut, and it can lose what the server says.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A port that leads to a server, wherever that is by now.
pub struct Proxy {
    port: u16,
    network: Arc<Network>,
}

struct Network {
    server: Mutex<SocketAddr>,
    /// Both ends of each connection.
    open: Mutex<Vec<TcpStream>>,
    /// Requests arrive, answers do not.
    loses_answers: AtomicBool,
    /// Requests do not arrive either.
    loses_requests: AtomicBool,
    refuses: AtomicBool,
    /// After so many bytes more all connections end.
    left: AtomicUsize,
    over: AtomicBool,
}

impl Proxy {
    /// A way to `server`.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = Arc::new(Network {
            server: Mutex::new(server),
            open: Mutex::default(),
            loses_answers: AtomicBool::new(false),
            loses_requests: AtomicBool::new(false),
            refuses: AtomicBool::new(false),
            left: AtomicUsize::new(usize::MAX),
            over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&network);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.over.load(Ordering::SeqCst) {
                    break;
                }
                accepting.connect(client);
            }
        });
        Self { port, network }
    }

    /// The URL of the WebSocket API on the other side.
    pub fn url(&self) -> String {
        format!("wss://localhost:{}/ws-api/v3", self.port)
    }

    /// Its address, as FIX clients take it.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// After so many bytes more, of either direction, all connections end, in the middle of whatever that is. Those
    /// that are made after that work.
    pub fn break_after(&self, bytes: usize) {
        self.network.left.store(bytes, Ordering::SeqCst);
    }

    /// New connections lead there.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.network.server.lock().unwrap() = server;
    }

    /// From now on nothing that the server says arrives.
    pub fn lose_answers(&self) {
        self.network.loses_answers.store(true, Ordering::SeqCst);
    }

    /// From now on nothing arrives, on either side.
    pub fn lose_everything(&self) {
        self.lose_answers();
        self.network.loses_requests.store(true, Ordering::SeqCst);
    }

    /// Lets nobody in, until [`Proxy::mend`].
    pub fn refuse(&self) {
        self.network.refuses.store(true, Ordering::SeqCst);
    }

    /// Ends all connections.
    pub fn cut(&self) {
        self.network.cut();
    }

    /// New connections work again. Those that are cut stay cut.
    pub fn mend(&self) {
        self.cut();
        for flag in [&self.network.loses_answers, &self.network.loses_requests, &self.network.refuses] {
            flag.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.over.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Network {
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let server = *self.server.lock().unwrap();
        if self.refuses.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect(server) else { return };
        let copy = |stream: &TcpStream| stream.try_clone().unwrap();
        self.open.lock().unwrap().extend([copy(&client), copy(&server)]);
        let (up, down) = (Arc::clone(self), Arc::clone(self));
        let (from_client, to_server) = (copy(&client), copy(&server));
        std::thread::spawn(move || up.pass(from_client, to_server, &up.loses_requests));
        std::thread::spawn(move || down.pass(server, client, &down.loses_answers));
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, loses: &AtomicBool) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let spend =
                |left: usize| if left == usize::MAX { None } else { Some(left.saturating_sub(count)) };
            let left =
                self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).unwrap_or(usize::MAX);
            let passes = count.min(left);
            if !loses.load(Ordering::SeqCst) && to.write_all(&buffer[..passes]).is_err() {
                break;
            }
            if left <= count {
                self.left.store(usize::MAX, Ordering::SeqCst);
                self.cut();
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}
