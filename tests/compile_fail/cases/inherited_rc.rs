//! Children that inherit a value may run on other OS threads.

use greenstd::local::Inherited;
use std::rc::Rc;

static SHARED: Inherited<Rc<u32>> = Inherited::new();

fn main() {
    SHARED.set(Rc::new(1));
}
