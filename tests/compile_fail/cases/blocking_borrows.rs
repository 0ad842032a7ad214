//! A job may outlive the caller that abandons it, so it borrows nothing.

fn main() {
    let text = String::from("text");
    let length = greenstd::blocking(|| text.len());
    assert_eq!(length, 4);
}
