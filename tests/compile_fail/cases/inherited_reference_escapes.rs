//! A binding may end at any time, so no reference to its value may leave the call of `with`.

use greenstd::local::Inherited;

static NAME: Inherited<String> = Inherited::new();

fn main() {
    let name: &'static str = NAME.scope("ann".into(), || NAME.with(|name| name.as_str()));
    drop(name);
}
