//! Hosts, name servers, users and groups of unmodified code.

use super::{hooked, side_by_side};
use std::ffi::CStr;
use std::net::ToSocketAddrs;
use std::ptr;

#[test]
fn a_hundred_lookups_of_std_find_the_loopback() {
    hooked().run(|| {
        side_by_side(|_| {
            let mut found = ("localhost", 80).to_socket_addrs().unwrap();
            assert!(found.all(|address| address.ip().is_loopback() && address.port() == 80));
            let numeric = ("192.0.2.7", 5).to_socket_addrs().unwrap();
            assert_eq!(numeric.collect::<Vec<_>>(), ["192.0.2.7:5".parse().unwrap()]);
        });
    });
}

#[test]
fn a_lookup_that_fails_says_so() {
    hooked().run(|| {
        assert!(("no-such-host.invalid", 80).to_socket_addrs().is_err());
        let mut hints: libc::addrinfo =
            // SAFETY: a plain old struct of C.
            unsafe { std::mem::zeroed() };
        hints.ai_flags = libc::AI_NUMERICHOST;
        let mut found = ptr::null_mut();
        // SAFETY: strings, hints and room of ours.
        let code = unsafe {
            libc::getaddrinfo(c"localhost".as_ptr(), ptr::null(), &raw const hints, &raw mut found)
        };
        assert_eq!(code, libc::EAI_NONAME);
    });
}

#[test]
fn an_address_has_a_name_and_a_number() {
    hooked().run(|| {
        // SAFETY: plain old structs of C, and room of ours.
        unsafe {
            let mut address: libc::sockaddr_in = std::mem::zeroed();
            address.sin_family = libc::AF_INET as u16;
            address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
            let size = size_of_val(&address) as u32;
            for (flags, is_number) in [(0, false), (libc::NI_NUMERICHOST, true)] {
                let mut host = [0; 256];
                let (pointer, null) = (host.as_mut_ptr(), ptr::null_mut());
                let address = (&raw const address).cast();
                let code = libc::getnameinfo(address, size, pointer, 256, null, 0, flags);
                assert_eq!(code, 0);
                assert_eq!(CStr::from_ptr(pointer) == c"127.0.0.1", is_number);
            }
        }
    });
}

#[test]
fn what_older_calls_return_belongs_to_the_calling_thread() {
    unsafe extern "C" {
        fn gethostbyname(name: *const libc::c_char) -> *mut libc::hostent;
        fn gethostbyname2(name: *const libc::c_char, family: i32) -> *mut libc::hostent;
    }
    let check = || {
        // SAFETY: strings; a result is good until the next call of this thread.
        unsafe {
            let found = gethostbyname(c"localhost".as_ptr());
            assert!(!found.is_null());
            assert_eq!(((*found).h_addrtype, (*found).h_length), (libc::AF_INET, 4));
            assert_eq!(*(*(*found).h_addr_list).cast::<u8>(), 127);
            assert!(gethostbyname(c"no-such-host.invalid".as_ptr()).is_null());
            assert!(!gethostbyname2(c"127.0.0.1".as_ptr(), libc::AF_INET).is_null());
        }
    };
    check();
    hooked().run(check);
}

#[test]
fn users_and_groups_are_found_by_name_and_number() {
    let check = |_| {
        // SAFETY: strings; results are good until the next call of this thread.
        unsafe {
            let user = libc::getpwnam(c"root".as_ptr());
            assert_eq!((*user).pw_uid, 0);
            assert_eq!(CStr::from_ptr((*libc::getpwuid(0)).pw_name), c"root");
            assert_eq!((*libc::getgrnam(c"root".as_ptr())).gr_gid, 0);
            assert_eq!(CStr::from_ptr((*libc::getgrgid(0)).gr_name), c"root");
            assert!(libc::getpwnam(c"no such user".as_ptr()).is_null());
            let (mut entry, mut buffer, mut found) =
                (std::mem::zeroed::<libc::passwd>(), [0; 8], ptr::null_mut());
            let (place, pointer) = (&raw mut entry, buffer.as_mut_ptr());
            let code = libc::getpwuid_r(0, place, pointer, buffer.len(), &raw mut found);
            assert_eq!((code, found.is_null()), (libc::ERANGE, true));
            let (mut groups, mut count) = ([0; 64], 64);
            let pointer = groups.as_mut_ptr();
            assert!(libc::getgrouplist(c"root".as_ptr(), 0, pointer, &raw mut count) > 0);
            assert_eq!(groups[0], 0);
        }
    };
    check(0);
    hooked().run(move || side_by_side(check));
}

#[test]
fn a_name_server_that_is_not_there_is_an_error_of_the_query() {
    unsafe extern "C" {
        fn res_query(
            name: *const libc::c_char,
            class: i32,
            kind: i32,
            answer: *mut u8,
            size: i32,
        ) -> i32;
    }
    let check = || {
        let mut answer = [0_u8; 512];
        // SAFETY: a string, and room of ours. `.invalid` is no name, whoever is asked.
        let length =
            unsafe { res_query(c"no-such-host.invalid".as_ptr(), 1, 1, answer.as_mut_ptr(), 512) };
        assert_eq!(length, -1);
    };
    check();
    hooked().run(check);
}
