//! What systemd waits for (`Type=notify`): ready once it forwards, a status line for `systemctl status`, stopping.

use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::common::{Config, Home, Launch, PATIENCE, Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_hears_that_it_is_ready_how_it_is_doing_and_that_it_stops() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let (socket, path) = (home.path("notify"), home.path("notify").display().to_string());
    let socket = UnixDatagram::bind(socket).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let config = Config::new(&home, &service.endpoint()).file("a");
    let environment = ["env".to_owned(), format!("NOTIFY_SOCKET={path}")];
    let mut forwarder = Launch::new(&home).under(environment).start(&config);

    let ready = told(&socket, "READY=1");
    assert!(ready.contains("STATUS=1 subscription"));
    if !ready.contains("1 running") {
        told(&socket, "STATUS=1 subscription: 1 running");
    }
    forwarder.signal(Signal::TERM).await;
    told(&socket, "STOPPING=1");
    assert_eq!(forwarder.wait(PATIENCE).await, Some(0));
}

/// The next datagram that holds `what`.
fn told(socket: &UnixDatagram, what: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length =
            socket.recv(&mut buffer).unwrap_or_else(|error| panic!("systemd never heard {what}: {error}"));
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.contains(what) {
            return text;
        }
    }
}
