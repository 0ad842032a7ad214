//! Children that inherit a value may outlive the call for which it is bound.

use greenstd::local::Inherited;

static TEXT: Inherited<&'static str> = Inherited::new();

fn main() {
    let text = String::from("gone");
    TEXT.scope(&text, || greenstd::spawn(|| TEXT.get()));
}
