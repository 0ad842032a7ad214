//! `FromRawFd` for types above the engine: a trait whose method is unsafe by its nature.
//!
//! The impl is written here, where unsafe code may stand, and expanded where its type is.

/// Implements `FromRawFd` for types that are `From<OwnedFd>`.
macro_rules! from_raw_fd {
    ($($owner:ty)*) => {$(
        #[allow(unsafe_code)]
        impl ::std::os::fd::FromRawFd for $owner {
            unsafe fn from_raw_fd(fd: ::std::os::fd::RawFd) -> $owner {
                use ::std::os::fd::OwnedFd;
                // SAFETY: the caller's promise: `fd` is open and owned by nobody else.
                <$owner>::from(unsafe { OwnedFd::from_raw_fd(fd) })
            }
        }
    )*};
}

pub(crate) use from_raw_fd;
