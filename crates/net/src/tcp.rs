//! What a connection is told once.

use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// Breaks the connection when what was sent is not acknowledged by the peer's kernel for so long, be it gone or have it no
/// room. Elsewhere than on Linux the system's own limit counts.
pub(crate) fn break_when_unacknowledged(stream: &TcpStream, after: Duration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(after))?;
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, after);
    Ok(())
}
