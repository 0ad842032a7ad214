//! One program text over std and over the mirror does the same.

use crate::{green, plain, run};

/// A test for each program.
macro_rules! programs {
    ($($name:ident $(with $input:expr)?),* $(,)?) => {$(
        #[test]
        fn $name() {
            let input = ["", $($input)?].concat();
            let test = concat!("parity::", stringify!($name));
            run::compare(test, &input, plain::$name::main, green::$name::main);
        }
    )*};
}

programs! {
    cache,
    channels,
    children,
    datagrams,
    echo_server,
    files,
    filter with plain::filter::INPUT,
    locals,
    parking,
    phases,
    pipes,
    poison,
    proxy,
    results,
    scoped,
    unix_sockets,
    work_queue,
}
