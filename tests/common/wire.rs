//! A client that blocks and does as little as can be: for tests that send more requests than a full one could, or such
//! as it never would. And the emulator for it, on a runtime of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use ams_forwarder::emulator::{Emulator, Options};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, PROJECT, TOKEN};

/// A running emulator with one project. It ends when dropped.
pub(crate) struct Emulated {
    pub(crate) emulator: Emulator,
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Emulated {
    pub(crate) fn start() -> Self {
        Self::serve(Emulator::new(options()))
    }

    /// One that has what is in a directory.
    pub(crate) fn start_in(data_dir: &Path) -> Self {
        Self::serve(Emulator::open(options(), data_dir).unwrap())
    }

    fn serve(emulator: Emulator) -> Self {
        emulator.create_project(PROJECT, "").unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (served, stopped) = (emulator.clone(), stop.clone().cancelled_owned());
        let serving = runtime.spawn(async move { served.run(listener, stopped).await.unwrap() });
        Self { emulator, address, runtime: Some(runtime), stop, serving }
    }

    /// Ends it as it should be ended.
    pub(crate) fn stop(mut self) {
        self.stop.cancel();
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(&mut self.serving).unwrap();
    }

    /// A client with the token that may do everything.
    pub(crate) fn wire(&self) -> Wire {
        Wire::new(self.address)
    }
}

fn options() -> Options {
    Options { token: TOKEN.to_owned(), ..Options::default() }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        // A pull may wait for minutes yet.
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// One client, with one connection that it keeps.
pub(crate) struct Wire {
    address: SocketAddr,
    stream: Option<TcpStream>,
    without_body: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Empty where there is none.
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Wire {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, without_body: false }
    }

    /// Sends a request below the project, with the token that may do everything, and gives the answer.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> Reply {
        self.send(method, path, body);
        self.receive()
    }

    /// The first half of [`Wire::ask`].
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) {
        let path = format!("/v1/projects/{PROJECT}/{path}");
        self.send_bytes(request(method, &path, TOKEN, body).as_bytes()).unwrap();
    }

    /// Its second half.
    pub(crate) fn receive(&mut self) -> Reply {
        self.read_reply().unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Sends a request of any path and token, and gives the answer of a server that may end meanwhile.
    pub(crate) fn try_ask(&mut self, method: &str, path: &str, token: &str, body: &str) -> io::Result<Reply> {
        self.send_bytes(request(method, path, token, body).as_bytes())?;
        self.read_reply()
    }

    /// Sends what is, more or less, one request.
    pub(crate) fn send_bytes(&mut self, request: &[u8]) -> io::Result<()> {
        self.without_body = request.starts_with(b"HEAD ");
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(request)
    }

    /// The next answer; what came after an interim one.
    pub(crate) fn read_reply(&mut self) -> io::Result<Reply> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let mut bytes = Vec::with_capacity(4096);
        let (head, start) = loop {
            match bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 4) {
                Some(end) if bytes.starts_with(b"HTTP/1.1 1") => {
                    bytes.drain(..end);
                }
                Some(end) => break (String::from_utf8_lossy(&bytes[..end]).into_owned(), end),
                None => read_more(stream, &mut bytes)?,
            }
        };
        let value = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
        };
        let length: usize = value("content-length").unwrap_or("0").parse().map_err(io::Error::other)?;
        let length = if self.without_body { 0 } else { length };
        while bytes.len() < start + length {
            read_more(stream, &mut bytes)?;
        }
        let text = String::from_utf8(bytes.split_off(start)).map_err(io::Error::other)?;
        assert_eq!(text.len(), length, "more was answered than asked: {text}");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let reply = Reply {
            status: status.ok_or(io::ErrorKind::InvalidData)?,
            content_type: value("content-type").unwrap_or_default().to_owned(),
            text,
        };
        if value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
            || head.starts_with("HTTP/1.0")
        {
            self.stream = None;
        }
        Ok(reply)
    }

    /// Says that nothing more comes, and gives all that is answered until the other side has hung up too.
    pub(crate) fn finish(mut self) -> io::Result<Vec<u8>> {
        let mut answered = Vec::new();
        if let Some(stream) = &mut self.stream {
            stream.shutdown(std::net::Shutdown::Write)?;
            stream.read_to_end(&mut answered)?;
        }
        Ok(answered)
    }
}

fn request(method: &str, path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn read_more(stream: &mut TcpStream, into: &mut Vec<u8>) -> io::Result<()> {
    let mut some = [0; 16 * 1024];
    match stream.read(&mut some)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            into.extend_from_slice(&some[..read]);
            Ok(())
        }
    }
}
