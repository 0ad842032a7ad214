//! The traits that std's types have, and with what bounds: `Send`, `Sync`, `UnwindSafe`, and what
//! can be said in a signature.

use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

/// Whether a type has a trait, which a method of the type itself tells before one of a reference.
macro_rules! has {
    ($name:ident: $trait:path) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use std::marker::PhantomData;

            pub struct Asked<T: ?Sized>(pub PhantomData<T>);
            pub trait No {
                fn answer(&self) -> bool {
                    false
                }
            }
            impl<T: ?Sized> No for &Asked<T> {}
            impl<T: ?Sized + $trait> Asked<T> {
                pub fn answer(&self) -> bool {
                    true
                }
            }
        }
    };
}

has!(sends: Send);
has!(shares: Sync);
has!(unwinds: UnwindSafe);
has!(unwinds_shared: RefUnwindSafe);

/// The four answers for a type.
macro_rules! answers {
    ($type:ty) => {{
        #[allow(unused_imports, clippy::needless_borrow)]
        {
            use self::sends::No as _;
            use self::shares::No as _;
            use self::unwinds::No as _;
            use self::unwinds_shared::No as _;
            use std::marker::PhantomData;
            [
                (&sends::Asked::<$type>(PhantomData)).answer(),
                (&shares::Asked::<$type>(PhantomData)).answer(),
                (&unwinds::Asked::<$type>(PhantomData)).answer(),
                (&unwinds_shared::Asked::<$type>(PhantomData)).answer(),
            ]
        }
    }};
}

/// Compares the answers for std's type with those for ours, with each of the type arguments.
macro_rules! same {
    ($($type:ident<$($argument:ty),*>;)*) => {$($(
        assert_eq!(
            answers!(greenstd::sync::$type<$argument>),
            answers!(std::sync::$type<$argument>),
            "{}<{}>", stringify!($type), stringify!($argument),
        );
    )*)*};
}

type Shared = Rc<()>;
type Mutable = &'static mut u8;
/// Stays on its thread, and may be shared all the same.
type Staying = std::sync::MutexGuard<'static, u8>;

#[test]
fn every_type_has_the_auto_traits_of_stds() {
    same! {
        Mutex<u8, Cell<u8>, Shared, Mutable, Staying>;
        RwLock<u8, Cell<u8>, Shared, Mutable, Staying>;
        OnceLock<u8, Cell<u8>, Shared, Mutable, Staying>;
        LazyLock<u8, Cell<u8>, Shared, Mutable, Staying>;
    }
    macro_rules! same_guard {
        ($($guard:ident)*) => {$(
            assert_eq!(
                [
                    answers!(greenstd::sync::$guard<'static, u8>),
                    answers!(greenstd::sync::$guard<'static, Cell<u8>>),
                    answers!(greenstd::sync::$guard<'static, Shared>),
                    answers!(greenstd::sync::$guard<'static, Staying>),
                ],
                [
                    answers!(std::sync::$guard<'static, u8>),
                    answers!(std::sync::$guard<'static, Cell<u8>>),
                    answers!(std::sync::$guard<'static, Shared>),
                    answers!(std::sync::$guard<'static, Staying>),
                ],
                stringify!($guard),
            );
        )*};
    }
    same_guard!(MutexGuard RwLockReadGuard RwLockWriteGuard);
    macro_rules! same_plain {
        ($($plain:ident)*) => {$(
            assert_eq!(
                answers!(greenstd::sync::$plain),
                answers!(std::sync::$plain),
                stringify!($plain),
            );
        )*};
    }
    same_plain!(Condvar Barrier Once WaitTimeoutResult BarrierWaitResult);
    assert_eq!(answers!(greenstd::sync::ReentrantMutex<Cell<u8>>), [true, true, true, false]);
    assert!(!answers!(greenstd::sync::ReentrantMutexGuard<'static, u8>)[0]);
}

/// Signatures that std's types satisfy, as functions of either crate.
macro_rules! signatures {
    ($module:ident: $crate_name:ident) => {
        #[allow(dead_code, reason = "that it compiles is the test")]
        mod $module {
            use ::std::time::Duration;
            use ::$crate_name::sync::*;

            pub const BARRIER: fn(usize) -> Barrier = Barrier::new;
            pub const CONDVAR: fn() -> Condvar = Condvar::new;
            pub const ONCE: fn() -> Once = Once::new;
            pub const LAZY: fn(fn() -> u8) -> LazyLock<u8> = LazyLock::new;
            pub type Locked<'a, T> = LockResult<MutexGuard<'a, T>>;
            pub const LOCK: for<'a> fn(&'a Mutex<u8>) -> Locked<'a, u8> = Mutex::lock;
            pub const TRY: for<'a> fn(&'a Mutex<u8>) -> TryLockResult<MutexGuard<'a, u8>> =
                Mutex::try_lock;
            pub const READ: for<'a> fn(&'a RwLock<u8>) -> LockResult<RwLockReadGuard<'a, u8>> =
                RwLock::read;
            pub type Timed<'a> = LockResult<(MutexGuard<'a, u8>, WaitTimeoutResult)>;
            pub const WAIT: for<'a> fn(&Condvar, MutexGuard<'a, u8>) -> Locked<'a, u8> =
                Condvar::wait;
            pub const WAIT_TIMEOUT: for<'a> fn(
                &Condvar,
                MutexGuard<'a, u8>,
                Duration,
            ) -> Timed<'a> = Condvar::wait_timeout;
            pub const GET: fn(&OnceLock<u8>) -> Option<&u8> = OnceLock::get;
            pub const SET: fn(&OnceLock<u8>, u8) -> Result<(), u8> = OnceLock::set;

            /// A longer life may stand for a shorter one.
            pub fn shorten<'a>(guard: RwLockReadGuard<'static, u8>) -> RwLockReadGuard<'a, u8> {
                guard
            }

            pub fn errors(guard: PoisonError<MutexGuard<'_, u8>>) -> impl ::std::error::Error {
                guard
            }

            pub fn all_from() -> (Mutex<u8>, RwLock<u8>, OnceLock<u8>) {
                (Mutex::from(1), RwLock::from(1), OnceLock::from(1))
            }

            pub fn all_default() -> (Mutex<u8>, RwLock<u8>, OnceLock<u8>, Condvar, LazyLock<u8>) {
                Default::default()
            }
        }
    };
}

signatures!(of_std: std);
signatures!(of_ours: greenstd);

#[test]
fn what_std_can_be_made_of_ours_can() {
    assert_eq!(*of_std::all_from().0.lock().unwrap(), *of_ours::all_from().0.lock().unwrap());
    assert_eq!(*of_std::all_default().4, *of_ours::all_default().4);
}
