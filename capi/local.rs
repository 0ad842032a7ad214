//! What each thread has of its own: values by key, and the runtime that it belongs to.
//!
//! The values are those of POSIX's `pthread_key_create`. On a green thread of ours they are
//! destroyed when its function has returned, while everything can still be called; on any other
//! thread when its locals are.

use crate::guard::{self, Errno};
use greenstd_runtime::green_local;
use libc::{c_int, c_void};
use std::cell::{Cell, RefCell};
use std::mem;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys that may exist at once: as many as the C library gives.
const KEYS_AT_MOST: usize = 1024;

/// How often destructors are called that leave new values behind: POSIX's least.
const ROUNDS: usize = 4;

/// A key, under which each thread has a value. 0 is none.
pub type gs_key = u64;

/// Is called with a thread's value when it ends. Must not be unwound by an exception.
pub type gs_destructor = Option<unsafe extern "C" fn(*mut c_void)>;

/// A key's place. A key is a place and how often that was taken.
#[derive(Clone, Copy)]
struct Place {
    turn: u32,
    is_taken: bool,
    destructor: gs_destructor,
}

static PLACES: Mutex<Vec<Place>> = Mutex::new(Vec::new());

/// By place: the key under which it was set, and the value.
struct Values(RefCell<Vec<(gs_key, *mut c_void)>>);

green_local! {
    static VALUES: Values = const { Values(RefCell::new(Vec::new())) };
    static HOME: Cell<usize> = const { Cell::new(0) };
}

impl Drop for Values {
    /// For threads that are none of ours: there the keys are gone already.
    fn drop(&mut self) {
        let values = mem::take(self.0.get_mut());
        for (key, value) in values {
            destroy(key, value);
        }
    }
}

/// The address of the runtime that the calling green thread belongs to; 0 on all other threads.
pub(crate) fn home() -> usize {
    HOME.try_with(Cell::get).unwrap_or(0)
}

/// A green thread begins that belongs to this runtime.
pub(crate) fn begin(home: usize) {
    HOME.set(home);
}

/// The function of the calling green thread has returned.
pub(crate) fn end() {
    for _ in 0..ROUNDS {
        let values = VALUES.with(|values| mem::take(&mut *values.0.borrow_mut()));
        if values.is_empty() {
            return;
        }
        for (key, value) in values {
            destroy(key, value);
        }
    }
}

fn destroy(key: gs_key, value: *mut c_void) {
    let destructor = find(&places(), key).and_then(|place| place.destructor);
    if let Some(destructor) = destructor
        && !value.is_null()
    {
        // SAFETY: the user's function, with the user's value. No lock is held.
        unsafe { destructor(value) };
    }
}

fn places() -> MutexGuard<'static, Vec<Place>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn index(key: gs_key) -> usize {
    (key & u64::from(u32::MAX)) as usize
}

fn find(places: &[Place], key: gs_key) -> Option<&Place> {
    let place = places.get(index(key))?;
    (place.is_taken && u64::from(place.turn) == key >> 32).then_some(place)
}

/// Makes a key, under which every thread has NULL. When a thread ends whose value is another one,
/// `destructor`, unless it is NULL, is called with that on this very thread; it may wait, and may
/// set values, which are destroyed next, four times at most. On threads that were not started by
/// gs_spawn or gs_run it may not set values. Never blocks. On threads of either kind.
///
/// Returns 0, and the key in `*key`; -EINVAL for a NULL `key`; -EAGAIN if there are 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_key_create(key: *mut gs_key, destructor: gs_destructor) -> c_int {
    if key.is_null() {
        return -libc::EINVAL;
    }
    guard::status(guard::enter(|| {
        let made = take_place(destructor)?;
        // SAFETY: the caller's place for it.
        unsafe { key.write(made) };
        Ok(())
    }))
}

fn take_place(destructor: gs_destructor) -> Result<gs_key, Errno> {
    let mut places = places();
    let free = places.iter().position(|place| !place.is_taken);
    let at = free.unwrap_or(places.len());
    if at == KEYS_AT_MOST {
        return Err(libc::EAGAIN);
    }
    if at == places.len() {
        places.push(Place { turn: 0, is_taken: false, destructor: None });
    }
    // From 1 on, so that no key is 0.
    let turn = places[at].turn.wrapping_add(1).max(1);
    places[at] = Place { turn, is_taken: true, destructor };
    Ok(u64::from(turn) << 32 | at as u64)
}

/// Gives a key up. No destructor is called for the values that threads have under it. Never
/// blocks. On threads of either kind.
///
/// Returns 0; -EINVAL for what is no key.
#[unsafe(no_mangle)]
pub extern "C" fn gs_key_delete(key: gs_key) -> c_int {
    guard::status(guard::enter(|| {
        let mut places = places();
        find(&places, key).ok_or(libc::EINVAL)?;
        places[index(key)].is_taken = false;
        Ok(())
    }))
}

/// The calling thread's value under a key; NULL if it has set none, and for what is no key. Never
/// blocks. On threads of either kind.
#[unsafe(no_mangle)]
pub extern "C" fn gs_key_get(key: gs_key) -> *mut c_void {
    let value = guard::enter(|| {
        let look = |values: &Values| match values.0.borrow().get(index(key)) {
            Some(&(set, value)) if set == key => value,
            _ => ptr::null_mut(),
        };
        Ok(VALUES.try_with(look).unwrap_or(ptr::null_mut()))
    });
    value.unwrap_or(ptr::null_mut())
}

/// Sets the calling thread's value under a key. The value before is forgotten. Never blocks. On
/// threads of either kind.
///
/// Returns 0; -EINVAL for what is no key; -EPERM in a destructor on a thread that was not started
/// by gs_spawn or gs_run.
#[unsafe(no_mangle)]
pub extern "C" fn gs_key_set(key: gs_key, value: *mut c_void) -> c_int {
    guard::status(guard::enter(|| {
        find(&places(), key).ok_or(libc::EINVAL)?;
        let set = |values: &Values| {
            let mut values = values.0.borrow_mut();
            if values.len() <= index(key) {
                values.resize(index(key) + 1, (0, ptr::null_mut()));
            }
            values[index(key)] = (key, value);
        };
        VALUES.try_with(set).map_err(|_| libc::EPERM)
    }))
}
