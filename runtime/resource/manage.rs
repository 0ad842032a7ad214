//! What a pool has to know of its resources.

/// Makes the resources of a [`ResourcePool`](super::ResourcePool), and knows whether they are good.
///
/// The calls of `create`, `check` and `clean` may block: they are made on the threads of a
/// [`BlockingPool`](crate::blocking::BlockingPool), or on the calling thread if the pool was built
/// [`in_place`](super::Builder::in_place). Several are made at once. A panic in one of them reaches
/// whoever asked for the resource, which is dropped; the pool stays as good as before.
///
/// A closure that makes a resource is a manager whose resources are always good.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::resource::{Condition, Manage};
/// use std::io::{self, Read, Write};
/// use std::net::{SocketAddr, TcpStream};
///
/// /// Connections to a server that answers a line with a line.
/// struct Lines(SocketAddr);
///
/// impl Manage for Lines {
///     type Resource = TcpStream;
///     type Error = io::Error;
///
///     fn create(&self) -> io::Result<TcpStream> {
///         TcpStream::connect(self.0)
///     }
///
///     fn check(&self, stream: &mut TcpStream) -> io::Result<()> {
///         stream.write_all(b"ping\n")?;
///         stream.read_exact(&mut [0; 5])
///     }
///
///     fn condition(&self, stream: &mut TcpStream) -> Condition {
///         match stream.take_error() {
///             Ok(None) => Condition::Ready,
///             _ => Condition::Broken,
///         }
///     }
/// }
/// ```
pub trait Manage: Send + Sync + 'static {
    /// What the pool lends.
    type Resource: Send + 'static;

    /// Why one could not be made, or is not good any more.
    type Error: Send + 'static;

    /// Makes a resource: connects, say.
    ///
    /// # Errors
    ///
    /// Those of whoever implements it. They go to whoever asked for a resource; each who waits
    /// for one tries by himself.
    fn create(&self) -> Result<Self::Resource, Self::Error>;

    /// Looks whether a resource that was idle for a while is still good, before it is lent again:
    /// `select 1`, say. How long that is says [`check_after`](super::Builder::check_after). The
    /// default does nothing.
    ///
    /// # Errors
    ///
    /// Why it is not. It is dropped, and replaced by a new one for the same caller, who does not
    /// see the error.
    fn check(&self, resource: &mut Self::Resource) -> Result<(), Self::Error> {
        let _ = resource;
        Ok(())
    }

    /// Tells in which condition a holder has given a resource back. Called wherever the holder is,
    /// so it has to be quick and must not block. The default is always [`Condition::Ready`].
    fn condition(&self, resource: &mut Self::Resource) -> Condition {
        let _ = resource;
        Condition::Ready
    }

    /// Makes a resource that has come back [`Dirty`](Condition::Dirty) ready for the next holder:
    /// rolls back, say. The former holder does not wait for it, unless the pool is one
    /// [`in_place`](super::Builder::in_place). The default does nothing.
    ///
    /// # Errors
    ///
    /// Why that did not work. The resource is dropped.
    fn clean(&self, resource: &mut Self::Resource) -> Result<(), Self::Error> {
        let _ = resource;
        Ok(())
    }
}

/// In which condition a resource has come back from its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The next one may have it as it is.
    Ready,
    /// [`Manage::clean`] has to be called first.
    Dirty,
    /// It is good for nothing any more, and is dropped.
    Broken,
}

impl<F, R, E> Manage for F
where
    F: Fn() -> Result<R, E> + Send + Sync + 'static,
    R: Send + 'static,
    E: Send + 'static,
{
    type Resource = R;
    type Error = E;

    fn create(&self) -> Result<R, E> {
        self()
    }
}
