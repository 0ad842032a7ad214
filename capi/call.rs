//! A function of the user's with its argument, and the green thread that runs it.

use crate::local;
use libc::c_void;

/// A function of C that may run on any thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function(pub(crate) unsafe extern "C" fn(*mut c_void) -> *mut c_void);

/// A pointer that C passes from thread to thread, and answers for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value(*mut c_void);

// SAFETY: it is never followed here; who follows it is C, which knows on which threads it may.
unsafe impl Send for Value {}

impl Value {
    pub(crate) fn new(pointer: *mut c_void) -> Value {
        Value(pointer)
    }

    pub(crate) fn into_inner(self) -> *mut c_void {
        self.0
    }
}

/// What a green thread is spawned for.
#[derive(Debug)]
pub(crate) struct Call {
    function: Function,
    argument: Value,
    home: usize,
}

impl Call {
    /// A call on a green thread of the runtime that C knows by the address `home`.
    pub(crate) fn new(function: Function, argument: *mut c_void, home: usize) -> Call {
        Call { function, argument: Value(argument), home }
    }

    /// Makes the call on the calling green thread, which begins with it and ends after it.
    pub(crate) fn run(self) -> Value {
        local::begin(self.home);
        let value = self.apply();
        local::end();
        value
    }

    /// Makes the call alone.
    pub(crate) fn apply(self) -> Value {
        let Function(function) = self.function;
        // SAFETY: the user's function, with the argument that it was given with.
        Value(unsafe { function(self.argument.0) })
    }
}
