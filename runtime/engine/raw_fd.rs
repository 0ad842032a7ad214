//! `FromRawFd` for types above the engine: its method is unsafe by its nature.

/// Implements `FromRawFd` for types that are `From<OwnedFd>`.
macro_rules! from_raw_fd {
    ($($type:ident)*) => {$(
        #[allow(unsafe_code)]
        impl ::std::os::fd::FromRawFd for $type {
            unsafe fn from_raw_fd(fd: ::std::os::fd::RawFd) -> Self {
                use ::std::os::fd::OwnedFd;
                // SAFETY: the caller's promise: `fd` is open and owned by nobody else.
                Self::from(unsafe { OwnedFd::from_raw_fd(fd) })
            }
        }
    )*};
}

pub(crate) use from_raw_fd;
