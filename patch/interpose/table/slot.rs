//! The slot of one descriptor number.
//!
//! # State
//!
//! | bits of the word | meaning |
//! |---|---|
//! | 0–3 | the [`Kind`] |
//! | `CLOSING` | a hook is about to close it |
//! | `TRUSTED` | nobody else shares its open file: `NONBLOCKING` and the timeouts are right |
//! | `NONBLOCKING` | its user has set `O_NONBLOCK` |
//! | `HIDDEN` | `O_NONBLOCK` is set behind its user's back |
//! | `REFUSES_READ`, `REFUSES_WRITE` | it does not know `RWF_NOWAIT` |
//! | 32–63 | the generation, one up for each change of tenant |
//!
//! A slot of zeroes is an empty one.
//!
//! # Orderings
//!
//! The word is changed by read-modify-writes with `AcqRel` and read with `Acquire`; what else must
//! be seen with it is under the locks of `Unowned`. The timeouts are single values: Relaxed.

use greenstd_runtime::readiness::{Interest, Unowned};
use libc::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// What a descriptor is, as far as its calls differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Not looked at yet.
    Unknown = 0,
    /// A TCP socket: a short count says that it is drained.
    Tcp,
    /// Another stream socket.
    Stream,
    /// A socket of messages, connected.
    Packet,
    /// A socket of datagrams.
    Datagram,
    /// A pipe or FIFO.
    Pipe,
    /// A file or a block device: always ready, however long it takes.
    File,
    /// A file whose writes wait for the disk.
    SyncedFile,
    /// Terminals and other devices.
    Device,
    /// What else can be polled, as a rule: events, timers, signals.
    Other,
    /// What passes: directories.
    Pass,
}

impl Kind {
    const ALL: [Kind; 11] = [
        Kind::Unknown,
        Kind::Tcp,
        Kind::Stream,
        Kind::Packet,
        Kind::Datagram,
        Kind::Pipe,
        Kind::File,
        Kind::SyncedFile,
        Kind::Device,
        Kind::Other,
        Kind::Pass,
    ];

    #[inline]
    pub(crate) fn is_socket(self) -> bool {
        matches!(self, Kind::Tcp | Kind::Stream | Kind::Packet | Kind::Datagram)
    }

    /// Whether it is a socket without boundaries between messages.
    #[inline]
    pub(crate) fn is_stream_socket(self) -> bool {
        matches!(self, Kind::Tcp | Kind::Stream)
    }
}

/// The word of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    pub(crate) const CLOSING: u32 = 1 << 8;
    pub(crate) const TRUSTED: u32 = 1 << 9;
    pub(crate) const NONBLOCKING: u32 = 1 << 10;
    pub(crate) const HIDDEN: u32 = 1 << 11;
    const REFUSES_READ: u32 = 1 << 12;
    const REFUSES_WRITE: u32 = 1 << 13;
    const KIND: u32 = 0xf;

    fn new(generation: u32, low: u32) -> Word {
        Word(u64::from(generation) << 32 | u64::from(low))
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        Kind::ALL[(self.0 as u32 & Word::KIND) as usize % Kind::ALL.len()]
    }

    /// Whether all of these bits are set.
    #[inline]
    pub(crate) fn has(self, bits: u32) -> bool {
        self.0 as u32 & bits == bits
    }

    #[inline]
    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn is_closing(self) -> bool {
        self.has(Word::CLOSING)
    }

    /// Whether nothing is known, and nothing can be registered.
    pub(crate) fn is_empty(self) -> bool {
        self.0 as u32 == 0
    }

    /// With these bits, too.
    pub(crate) fn with(self, bits: u32) -> Word {
        Word(self.0 | u64::from(bits))
    }

    pub(crate) fn without(self, bits: u32) -> Word {
        Word(self.0 & !u64::from(bits))
    }

    /// Of the next tenant, of whom nothing is known.
    pub(crate) fn next(self) -> Word {
        Word::new(self.generation().wrapping_add(1), 0)
    }

    /// After the close that has set `CLOSING`.
    pub(crate) fn closed(self) -> Word {
        Word::new(self.generation(), 0)
    }

    /// The bit that says that `RWF_NOWAIT` is refused.
    #[inline]
    pub(crate) fn refusing(interest: Interest) -> u32 {
        match interest {
            Interest::Read => Word::REFUSES_READ,
            Interest::Write => Word::REFUSES_WRITE,
        }
    }
}

/// What is known of a descriptor number.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    word: AtomicU64,
    /// Made by the first wait, and never freed: the number will be used again.
    place: AtomicPtr<Unowned>,
    /// Zero for none, as in the kernel.
    timeouts_micros: [AtomicU64; 2],
    /// Who has waited last in each direction; zero for nobody. Relaxed: whoever reads his own
    /// number has written it.
    waited_last: [AtomicU64; 2],
}

impl Slot {
    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// Changes the word unless it has changed already.
    pub(crate) fn change(&self, from: Word, to: Word) -> bool {
        self.word.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Changes the word of the tenant of this generation; nothing happens to another's.
    fn change_of(&self, generation: u32, change: impl Fn(Word) -> Word) {
        let mut word = self.word();
        while word.generation() == generation && !self.change(word, change(word)) {
            word = self.word();
        }
    }

    /// Sets bits of the tenant of this generation.
    pub(crate) fn set(&self, generation: u32, bits: u32) {
        self.change_of(generation, |word| word.with(bits));
    }

    /// Sets bits of the tenant of this generation, if it is trusted.
    pub(crate) fn set_trusted(&self, generation: u32, bits: u32) {
        self.change_of(
            generation,
            |word| {
                if word.has(Word::TRUSTED) { word.with(bits) } else { word }
            },
        );
    }

    /// Clears bits of the tenant of this generation.
    pub(crate) fn clear(&self, generation: u32, bits: u32) {
        self.change_of(generation, |word| word.without(bits));
    }

    #[inline]
    pub(crate) fn timeout_micros(&self, interest: Interest) -> &AtomicU64 {
        &self.timeouts_micros[interest as usize]
    }

    /// Whether a caller who is about to wait for a trusted descriptor was the last one to do so.
    #[inline]
    pub(crate) fn is_next_wait_of(&self, caller: u64, interest: Interest) -> bool {
        let last = &self.waited_last[interest as usize];
        if last.load(Ordering::Relaxed) != caller {
            last.store(caller, Ordering::Relaxed);
            return false;
        }
        self.word().has(Word::TRUSTED)
    }

    /// A new tenant, with these bits.
    pub(crate) fn begin(&self, fd: c_int, bits: u32) {
        for last in &self.waited_last {
            last.store(0, Ordering::Relaxed);
        }
        let mut word = self.word();
        while !self.change(word, word.next().with(bits)) {
            word = self.word();
        }
        if !word.is_empty() {
            // A close that no hook has seen left something behind.
            self.withdraw(fd);
        }
    }

    /// The tenant is about to be closed.
    #[must_use = "it stays so until it is changed"]
    pub(crate) fn end(&self, fd: c_int) -> Word {
        let mut word = self.word();
        loop {
            let ended = word.next().with(Word::CLOSING);
            if self.change(word, ended) {
                self.withdraw(fd);
                return ended;
            }
            word = self.word();
        }
    }

    /// The place in a reactor, if anybody has ever waited for this number.
    #[inline]
    pub(crate) fn place(&self) -> Option<&'static Unowned> {
        // SAFETY: made by `place_or_new`, and never freed.
        unsafe { self.place.load(Ordering::Acquire).as_ref() }
    }

    /// The place in a reactor.
    pub(crate) fn place_or_new(&self) -> &'static Unowned {
        if let Some(place) = self.place() {
            return place;
        }
        let made = Box::into_raw(Box::new(Unowned::new()));
        let none = ptr::null_mut();
        match self.place.compare_exchange(none, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just made, and never freed from now on.
            Ok(_) => unsafe { &*made },
            Err(other) => {
                // SAFETY: nobody else has seen it.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: as above.
                unsafe { &*other }
            }
        }
    }

    /// Ends the registration, and wakes whoever waits.
    pub(crate) fn withdraw(&self, fd: c_int) {
        if let Some(place) = self.place() {
            let _inside = greenstd_runtime::hooks::Inside::new();
            place.withdraw(fd);
        }
    }
}
