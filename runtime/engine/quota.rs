//! What a worker holds of its runtime's limit of green threads.
//!
//! The limit is one number for all workers (`shared`), so each takes *places* out of it in batches,
//! and spawning takes no lock most of the time.

use super::stack::SizeClass;
use super::worker::Worker;
use std::io;

impl Worker {
    /// Takes a place for a green thread.
    ///
    /// # Errors
    ///
    /// As `Shared::take_places`.
    #[inline]
    pub(crate) fn take_place(&self, class: SizeClass) -> io::Result<()> {
        match self.places.get().checked_sub(1) {
            Some(left) if class == self.shared.default_class => {
                self.places.set(left);
                Ok(())
            }
            _ => self.fetch_places(class),
        }
    }

    #[cold]
    fn fetch_places(&self, class: SizeClass) -> io::Result<()> {
        if class != self.shared.default_class {
            return self.shared.take_places(1, class).map(|_| ());
        }
        self.places.set(self.shared.take_places(self.place_batch(), class)? - 1);
        Ok(())
    }

    /// Spare workers hoard nothing: they are not counted in where the limit is shared out.
    fn place_batch(&self) -> usize {
        if self.is_spare { 1 } else { self.shared.place_batch }
    }

    /// Gives back the place of a green thread that has ended here.
    pub(super) fn give_place(&self, class: SizeClass) {
        self.counters().ended.add(1);
        if class != self.shared.default_class {
            return self.shared.give_places(1, class);
        }
        let batch = self.place_batch();
        self.places.set(self.places.get() + 1);
        if batch == 1 || self.places.get() > 2 * batch {
            self.give_places_back(batch);
        }
    }

    /// Gives places back that this worker does not need now.
    pub(super) fn give_places_back(&self, count: usize) {
        self.places.set(self.places.get() - count);
        self.shared.give_places(count, self.shared.default_class);
    }

    pub(super) fn spare_places(&self) -> usize {
        self.places.get()
    }
}
