//! A socket as a thing to wait for together with others.
//!
//! The arm does what the blocking call does, without waiting; between attempts it is linked twice:
//! with the reactor, for libzmq's descriptor, and with the socket, for news that another thread has
//! taken in. A message is received by the attempt that wins the wait, so a loser has taken none.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use greenstd_runtime::park::Unparker;
use greenstd_runtime::poller::PollFlags;
use greenstd_runtime::select::{Arm, Choice, Outcome, Waitable, readable};

use super::alarm::Alarm;
use super::core::Core;
use super::socket::receive_parts;
use super::{Message, Socket};

/// A wait until a send would not block; made by [`Socket::writable`].
#[derive(Debug)]
pub struct Writable<'s> {
    socket: &'s Socket,
}

impl Socket {
    /// A thing to wait for in a [`select!`](greenstd_runtime::select!): that a send would not
    /// block. It sends nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_net::zmq::{Context, SocketType};
    /// use greenstd_runtime::{channel, select};
    /// use std::time::Duration;
    ///
    /// let context = Context::new();
    /// let push = context.socket(SocketType::Push)?;
    /// push.bind("inproc://writable")?;
    /// select! {
    ///     wait(push.writable()) -> _ => panic!("there is nobody to send to"),
    ///     recv(channel::after(Duration::from_millis(1))) => {}
    /// }
    /// let pull = context.socket(SocketType::Pull)?;
    /// pull.connect("inproc://writable")?;
    /// select! { wait(push.writable()) -> outcome => outcome? }
    /// push.send("hello")?;
    /// select! { wait(pull) -> message => assert_eq!(message?, ["hello"]) }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn writable(&self) -> Writable<'_> {
        Writable { socket: self }
    }
}

/// A wait for a whole message, which it gives as [`Socket::recv_multipart`] does, whatever the
/// receive timeout is.
impl Waitable for Socket {
    type Output = io::Result<Vec<Message>>;

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = Self::Output> + 'a> {
        Box::new(SocketArm::new(&self.core, PollFlags::IN, receive_parts))
    }
}

impl Waitable for Writable<'_> {
    type Output = io::Result<()>;

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = io::Result<()>> + 'a> {
        let look = |raw: &::zmq::Socket| match raw.get_events() {
            Ok(events) if events.contains(::zmq::POLLOUT) => Ok(()),
            Ok(_) => Err(ErrorKind::WouldBlock.into()),
            Err(error) => Err(super::error::io_error(error)),
        };
        Box::new(SocketArm::new(&self.socket.core, PollFlags::OUT, look))
    }
}

struct SocketArm<'a, T, F> {
    core: &'a Core,
    interest: PollFlags,
    call: F,
    news: Box<dyn Outcome<Output = io::Result<()>> + 'a>,
    number: Option<u64>,
    is_called: Arc<AtomicBool>,
    output: Option<io::Result<T>>,
}

impl<'a, T, F> SocketArm<'a, T, F>
where
    F: FnMut(&::zmq::Socket) -> io::Result<T>,
{
    fn new(core: &'a Core, interest: PollFlags, call: F) -> SocketArm<'a, T, F> {
        let news = readable(&core.fd).boxed_arm();
        let is_called = Arc::default();
        SocketArm { core, interest, call, news, number: None, is_called, output: None }
    }

    /// Whether the call did something else than say `WouldBlock`.
    fn attempt(&mut self) -> bool {
        match self.core.lock().attempt(self.interest, &mut self.call) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            outcome => {
                self.output = Some(outcome);
                true
            }
        }
    }

    fn withdraw(&mut self) {
        if let Some(number) = self.number.take() {
            self.core.withdraw(number);
        }
    }
}

impl<T, F> Arm for SocketArm<'_, T, F>
where
    F: FnMut(&::zmq::Socket) -> io::Result<T>,
{
    fn try_now(&mut self) -> bool {
        if self.output.is_some() {
            return true;
        }
        loop {
            self.is_called.store(false, Ordering::Relaxed);
            if self.attempt() {
                return true;
            }
            // Has the reactor's news forgotten, unless there are more since the attempt.
            if !self.news.try_now() {
                return false;
            }
            if let Some(Err(error)) = self.news.take_output() {
                self.output = Some(Err(error));
                return true;
            }
        }
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        let alarm = || Alarm::Arm(Unparker::current(), Arc::clone(&self.is_called));
        match self.core.look(self.interest, alarm) {
            Ok(Err(number)) => self.number = Some(number),
            Ok(Ok(_)) => return false,
            Err(error) => {
                self.output = Some(Err(error));
                return false;
            }
        }
        let is_linked = self.news.link(choice);
        if !is_linked {
            self.withdraw();
        }
        is_linked
    }

    fn unlink(&mut self) {
        self.withdraw();
        self.news.unlink();
    }

    fn complete(&mut self) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn is_ready(&mut self) -> bool {
        self.is_called.load(Ordering::Acquire) || self.news.is_ready()
    }
}

impl<T, F> Outcome for SocketArm<'_, T, F>
where
    F: FnMut(&::zmq::Socket) -> io::Result<T>,
{
    type Output = io::Result<T>;

    fn take_output(&mut self) -> Option<io::Result<T>> {
        self.output.take()
    }
}
