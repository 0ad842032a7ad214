//! The socket: whose it is, what it replaces, and that it goes.

use crate::flavour::Watchdog;
use crate::scene::{Client, Folder, Scene};
use greenstd::diag;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

#[test]
fn only_its_user_may_use_it() {
    let scene = Scene::new();
    let metadata = fs::symlink_metadata(scene.path()).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[test]
fn it_is_removed_when_the_console_is_dropped() {
    let _watchdog = Watchdog::new();
    let mut scene = Scene::new();
    let mut client = scene.client();
    client.ask("help");
    assert_eq!(scene.console.as_ref().unwrap().path(), scene.path());
    drop(scene.console.take());
    assert!(scene.folder.is_empty());
    assert_eq!(client.answer(), None);
}

#[test]
fn a_live_one_is_not_replaced() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    assert_eq!(diag::console(scene.path()).unwrap_err().kind(), ErrorKind::AddrInUse);
    assert!(scene.client().ask("help").len() > 10);
}

#[test]
fn that_of_another_program_is_not_replaced_even_if_it_does_not_accept() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.path("it.sock")).unwrap();
    // As many as it takes, until its backlog is full.
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(std::os::unix::net::UnixStream::connect(folder.path("it.sock")).unwrap());
    }
    let error = diag::console(folder.path("it.sock")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    drop(listener);
}

#[test]
fn one_that_nobody_listens_to_is_replaced() {
    let _watchdog = Watchdog::new();
    let folder = Folder::new();
    drop(UnixListener::bind(folder.path("it.sock")).unwrap());
    assert!(folder.path("it.sock").exists());
    let console = diag::console(folder.path("it.sock")).unwrap();
    assert!(Client::connect(&folder.path("it.sock")).ask("help").len() > 10);
    console.close();
    assert!(folder.is_empty());
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path("precious");
    fs::write(&path, "text").unwrap();
    assert_eq!(diag::console(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");
    // Nor is what a link leads to.
    std::os::unix::fs::symlink(&path, folder.path("link")).unwrap();
    assert_eq!(diag::console(folder.path("link")).unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn a_path_that_cannot_be_is_an_error_that_leaves_nothing() {
    let folder = Folder::new();
    let long = folder.path(&"x".repeat(120));
    assert_eq!(diag::console(long).unwrap_err().kind(), ErrorKind::InvalidInput);
    let missing = folder.path("missing/it.sock");
    assert_eq!(diag::console(missing).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(folder.is_empty());
}

#[test]
fn the_socket_of_a_successor_is_not_removed() {
    let _watchdog = Watchdog::new();
    let mut scene = Scene::new();
    fs::remove_file(scene.path()).unwrap();
    let successor = diag::console(scene.path()).unwrap();
    drop(scene.console.take());
    assert!(scene.client().ask("help").len() > 10);
    drop(successor);
    assert!(scene.folder.is_empty());
}
