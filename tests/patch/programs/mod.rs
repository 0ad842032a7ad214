//! The programs: what each is asked. The laws for all of them are in `program`.

/// Makes tests of the laws for one program, in children beside its server.
macro_rules! laws_of {
    ($program:ty, crashes $script:literal) => {
        laws_of!($program);

        #[test]
        fn a_crash_is_an_error_and_then_all_is_well() {
            let child = $crate::child::prepare(|| {
                $crate::program::a_crash_is_an_error_and_then_all_is_well::<$program>(
                    $script,
                    $crate::kind::Kind::Own,
                )
            });
            $crate::program::succeed::<$program>(child);
        }

        #[test]
        fn a_crash_is_an_error_on_os_threads_too() {
            let child = $crate::child::prepare(|| {
                $crate::program::a_crash_is_an_error_and_then_all_is_well::<$program>(
                    $script,
                    $crate::kind::Kind::OsThreads,
                )
            });
            $crate::program::succeed::<$program>(child);
        }
    };
    ($program:ty) => {
        #[test]
        fn a_hundred_wait_at_once_on_one_worker() {
            let child = $crate::child::prepare(|| {
                $crate::program::a_hundred_wait_at_once::<$program>($crate::kind::Kind::Own)
            });
            $crate::program::succeed::<$program>(child);
        }

        #[test]
        fn a_hundred_wait_at_once_on_os_threads() {
            let child = $crate::child::prepare(|| {
                $crate::program::a_hundred_wait_at_once::<$program>($crate::kind::Kind::OsThreads)
            });
            $crate::program::succeed::<$program>(child);
        }

        #[test]
        fn a_kill_ends_a_call_with_an_error() {
            let child = $crate::child::prepare(|| {
                $crate::program::a_kill_ends_a_call_with_an_error::<$program>()
            });
            $crate::program::succeed::<$program>(child);
        }

        #[test]
        fn a_timeout_ends_a_call_with_an_error() {
            let child = $crate::child::prepare(|| {
                $crate::program::a_timeout_ends_a_call_with_an_error::<$program>()
            });
            $crate::program::succeed::<$program>(child);
        }
    };
}

mod libpq;
mod mysql;
mod postgres;
mod redis;
mod sqlite;
mod ureq;
mod websocket;
