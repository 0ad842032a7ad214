//! `select!`: the operations of a wait, written down.
//!
//! The macro reads one arm at a time and gives each a number and names for its parts. What comes
//! out are arms on the stack, one call, and a `match` on the number of the winner. The arms are
//! gone before the body of the winner runs, so that it may use what the losers had borrowed.

/// Blocks the calling thread until one of several operations can go on, does that one, and runs
/// its body, whose value is the value of the whole.
///
/// | arm | goes on when | gives |
/// |---|---|---|
/// | `recv(receiver) -> message => …` | a message is there, or never will be | as `recv` |
/// | `send(sender, message) -> sent => …` | the channel takes it, or never will | as `send` |
/// | `send_from(sender, owner) -> sent => …` | likewise; `owner`: `Option<T>` | as `send` |
/// | `wait(thing) -> given => …` | the [`Waitable`](crate::select::Waitable) gives | its `Output` |
/// | `default => …` | none of the others can at once | |
/// | `default(timeout) => …` | none of the others could for that `Duration` | |
///
/// `-> pattern` may be left out. If several could go on one is drawn by lot. Exactly one operation
/// is done, and the others have taken nothing; the messages of all `send`s are evaluated first, and
/// one that is not sent is dropped. `send_from` takes its message out of an `Option` only if it is
/// sent, and is switched off by `None`.
///
/// Works on threads of either kind. A kill and a timeout scope that expires end the wait, and
/// nothing is done then. Up to sixteen arms; [`Select`](crate::select::Select) has no limit. The
/// shape is crossbeam-channel's.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{channel, select};
/// use std::time::Duration;
///
/// let (numbers, receiver) = channel::bounded(1);
/// let words = channel::never::<String>();
/// numbers.send(7).unwrap();
/// let got = select! {
///     recv(receiver) -> number => number.unwrap(),
///     recv(words) -> word => word.unwrap().len(),
///     default(Duration::from_secs(1)) => 0,
/// };
/// assert_eq!(got, 7);
/// ```
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__select!(@read
            [(0 a0 o0) (1 a1 o1) (2 a2 o2) (3 a3 o3) (4 a4 o4) (5 a5 o5) (6 a6 o6) (7 a7 o7)
             (8 a8 o8) (9 a9 o9) (10 a10 o10) (11 a11 o11) (12 a12 o12) (13 a13 o13) (14 a14 o14)
             (15 a15 o15)]
            [] [] $($arms)*)
    };
}

/// The parts of [`select!`]: `@read` takes one arm after another from the text, `@run` is what
/// comes out, `@make` one arm of it, `@end` the body of one.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (@read [$($free:tt)*] [$($read:tt)*] [$($default:tt)*]) => {
        $crate::__select!(@run [$($read)*] [$($default)*])
    };

    // `default`: with a comma after its body, as the last arm, with a block for a body.
    (@read [$($free:tt)*] [$($read:tt)*] []
        default $(($($timeout:expr)? $(,)?))? => $body:expr, $($rest:tt)*) => {
        $crate::__select!(@read [$($free)*] [$($read)*]
            [($($($timeout)?)?) ($body)] $($rest)*)
    };
    (@read [$($free:tt)*] [$($read:tt)*] []
        default $(($($timeout:expr)? $(,)?))? => $body:expr) => {
        $crate::__select!(@read [$($free)*] [$($read)*] [($($($timeout)?)?) ($body)])
    };
    (@read [$($free:tt)*] [$($read:tt)*] []
        default $(($($timeout:expr)? $(,)?))? => $body:block $($rest:tt)*) => {
        $crate::__select!(@read [$($free)*] [$($read)*]
            [($($($timeout)?)?) ($body)] $($rest)*)
    };

    // An operation, in the same three ways. Each takes a number and two names.
    (@read [($index:tt $arm:ident $output:ident) $($free:tt)*] [$($read:tt)*] [$($default:tt)*]
        $kind:ident($($of:tt)*) $(-> $got:pat)? => $body:expr, $($rest:tt)*) => {
        $crate::__select!(@read [$($free)*]
            [$($read)* {$index $arm $output $kind ($($of)*) ($($got)?) ($body)}]
            [$($default)*] $($rest)*)
    };
    (@read [($index:tt $arm:ident $output:ident) $($free:tt)*] [$($read:tt)*] [$($default:tt)*]
        $kind:ident($($of:tt)*) $(-> $got:pat)? => $body:expr) => {
        $crate::__select!(@read [$($free)*]
            [$($read)* {$index $arm $output $kind ($($of)*) ($($got)?) ($body)}]
            [$($default)*])
    };
    (@read [($index:tt $arm:ident $output:ident) $($free:tt)*] [$($read:tt)*] [$($default:tt)*]
        $kind:ident($($of:tt)*) $(-> $got:pat)? => $body:block $($rest:tt)*) => {
        $crate::__select!(@read [$($free)*]
            [$($read)* {$index $arm $output $kind ($($of)*) ($($got)?) ($body)}]
            [$($default)*] $($rest)*)
    };
    (@read [] $($rest:tt)*) => {
        ::std::compile_error!("more than sixteen arms: use `Select`")
    };
    (@read [$($free:tt)*] [$($read:tt)*] [$($default:tt)*] $($rest:tt)*) => {
        ::std::compile_error!(
            "expected `operation(…) -> pattern => body,` or one `default => body,`"
        )
    };

    (@run [$({
        $index:tt $arm:ident $output:ident $kind:ident ($($of:tt)*) ($($got:pat)?) ($body:expr)
    })*] [$($default:tt)*]) => {{
        let (chosen, $($output,)*) = {
            $($crate::__select!(@make $kind $arm $output ($($of)*));)*
            let patience = $crate::__select!(@patience $($default)*);
            let chosen = $crate::select::run(&mut [$(&mut $arm),*], patience);
            (chosen, $($crate::select::Outcome::take_output(&mut $arm),)*)
        };
        match chosen {
            $(::std::option::Option::Some($index) => {
                let output = $output.expect("it was chosen, so it has something to tell");
                $crate::__select!(@end output ($($got)?) ($body))
            })*
            _ => $crate::__select!(@otherwise $($default)*),
        }
    }};

    // In two steps, so that a value made on the spot lives as long as its arm.
    (@make recv $arm:ident $of:ident ($receiver:expr $(,)?)) => {
        let $of = &$receiver;
        let mut $arm = $crate::select::RecvArm::new($of);
    };
    (@make send $arm:ident $of:ident ($sender:expr, $message:expr $(,)?)) => {
        let $of = &$sender;
        let mut $arm = $crate::select::SendArm::new($of, $message);
    };
    (@make send_from $arm:ident $of:ident ($sender:expr, $owner:expr $(,)?)) => {
        let $of = &$sender;
        let mut $arm = $crate::select::SendArm::from($of, &mut $owner);
    };
    (@make wait $arm:ident $of:ident ($thing:expr $(,)?)) => {
        let $of = &$thing;
        let mut $arm = $crate::select::Waitable::arm($of);
    };
    (@make $kind:ident $arm:ident $of:ident ($($rest:tt)*)) => {
        ::std::compile_error!(
            "expected `recv(receiver)`, `send(sender, message)`, `send_from(sender, option)` or \
             `wait(thing)`"
        );
    };

    (@patience) => { $crate::select::Patience::Endless };
    (@patience () $body:tt) => { $crate::select::Patience::None };
    (@patience ($timeout:expr) $body:tt) => { $crate::select::Patience::For($timeout) };

    (@end $output:ident () ($body:expr)) => {{
        let _ = $output;
        $body
    }};
    (@end $output:ident ($got:pat) ($body:expr)) => {{
        let $got = $output;
        $body
    }};

    (@otherwise) => { ::std::unreachable!("there is no deadline") };
    (@otherwise ($($timeout:expr)?) ($body:expr)) => { $body };
}
