//! `FromRawFd` for types above the engine: a trait whose method is unsafe by its nature.
//!
//! The impl is written here, where unsafe code may stand, and expanded where its type is.

/// Implements `FromRawFd` for types that are `From<OwnedFd>`.
macro_rules! from_raw_fd {
    ($($owner:ty)*) => {$(
        #[allow(unsafe_code)]
        impl ::std::os::fd::FromRawFd for $owner {
            unsafe fn from_raw_fd(fd: ::std::os::fd::RawFd) -> $owner {
                // SAFETY: the caller's promise: `fd` is open and owned by nobody else.
                let fd: ::std::os::fd::OwnedFd =
                    unsafe { ::std::os::fd::FromRawFd::from_raw_fd(fd) };
                <$owner>::from(fd)
            }
        }
    )*};
}

pub(crate) use from_raw_fd;
