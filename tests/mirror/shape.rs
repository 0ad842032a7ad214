//! Macros for files that are compiled over std and over the mirror: what does not compile over
//! either is not std's signature, or not the mirror's.

/// Each function can be called by a pointer of its type.
macro_rules! signatures {
    ($($function:expr => $signature:ty;)*) => {
        /// Compares the functions, which the compiler does, and counts them.
        #[allow(deprecated, clippy::type_complexity, reason = "part of std's surface")]
        pub fn signatures() -> usize {
            [$({
                let _: $signature = $function;
                stringify!($function)
            }),*].len()
        }
    };
}

/// Each type implements its traits.
macro_rules! traits {
    ($($kind:ty => [$($bounds:tt)+];)*) => {
        /// Compares the implementations, which the compiler does, and counts the types.
        pub fn traits() -> usize {
            [$({
                fn implements<T: ?Sized + $($bounds)+>() {}
                implements::<$kind>();
                stringify!($kind)
            }),*].len()
        }
    };
}

#[test]
fn signatures_and_traits_are_std_s() {
    use crate::{green, plain};
    // The functions agree where they compile at all; that both have all of them, they say.
    let counts = [
        (plain::threads_shape::signatures(), green::threads_shape::signatures()),
        (plain::sockets_shape::signatures(), green::sockets_shape::signatures()),
        (plain::files_shape::signatures(), green::files_shape::signatures()),
        (plain::threads_shape::traits(), green::threads_shape::traits()),
        (plain::sockets_shape::traits(), green::sockets_shape::traits()),
        (plain::files_shape::traits(), green::files_shape::traits()),
    ];
    assert!(counts.iter().all(|(plain, green)| plain == green && *plain > 20), "{counts:?}");
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    assert!(plain::files_shape::fields(child).0.is_none());
    let child = greenstd::process::Command::new("true").spawn().unwrap();
    assert!(green::files_shape::fields(child).0.is_none());
    assert!(plain::threads_shape::statics() && green::threads_shape::statics());
}
