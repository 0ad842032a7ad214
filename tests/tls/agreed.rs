//! What the two sides agree upon: protocol, version, session; and what they know of each other.

use crate::certificates::{
    NAME, acceptor, authority, connector, encrypt_by, identity, self_signed,
};
use crate::fixture::{expect, reason, tcp, tls_over_tcp};
use greenstd::net::tls::rustls::pki_types::pem::PemObject;
use greenstd::net::tls::rustls::{self, AlertDescription};
use greenstd::net::tls::{
    HandshakeKind, Identities, ProtocolVersion, Roots, TlsAcceptor, TlsConnector,
};
use std::io::{self, Write};
use std::sync::Arc;

/// Connects, has the server say a byte, so that its tickets have arrived, and returns how both
/// sides have shaken hands.
fn kinds(connector: &TlsConnector, acceptor: &TlsAcceptor) -> [Option<HandshakeKind>; 2] {
    let (client, server) = tcp();
    let (client, server) = encrypt_by(connector, acceptor, client, server);
    (&server).write_all(b"!").unwrap();
    expect(&client, b"!");
    [client.handshake_kind(), server.handshake_kind()]
}

laws! {
    fn the_protocol_is_one_that_both_speak() {
        let acceptor = TlsAcceptor::builder(identity()).alpn_protocols(["h2", "http/1.1"]);
        let acceptor = acceptor.build().unwrap();
        let connector = TlsConnector::builder().roots(authority().roots());
        let connector = connector.alpn_protocols(["spdy", "http/1.1"]).build().unwrap();
        let (client, server) = tcp();
        let (client, server) = encrypt_by(&connector, &acceptor, client, server);
        assert_eq!(client.alpn_protocol().as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!(server.alpn_protocol().as_deref(), Some(&b"http/1.1"[..]));
    }

    fn no_common_protocol_is_an_error_on_both_sides() {
        let acceptor = TlsAcceptor::builder(identity()).alpn_protocols(["h2"]).build().unwrap();
        let connector = TlsConnector::builder().roots(authority().roots());
        let connector = connector.alpn_protocols(["spdy"]).build().unwrap();
        let (client, server) = tcp();
        let server = greenstd::spawn(move || acceptor.accept(server).unwrap_err());
        let error = connector.connect(NAME, client).unwrap_err();
        let alert = AlertDescription::NoApplicationProtocol;
        assert_eq!(*reason(&error), rustls::Error::AlertReceived(alert));
        let error = server.join().unwrap();
        assert_eq!(*reason(&error), rustls::Error::NoApplicationProtocol);
    }

    fn both_sides_know_the_same() {
        let (client, server) = tls_over_tcp();
        assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(server.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert!(client.cipher_suite().is_some());
        assert_eq!(client.cipher_suite(), server.cipher_suite());
        assert_eq!(client.alpn_protocol(), None);
        assert_eq!(server.server_name().as_deref(), Some(NAME));
        assert_eq!(client.server_name(), None);
        let chain = client.peer_certificates().unwrap();
        assert_eq!(chain, identity_chain());
        assert_eq!(server.peer_certificates(), None);
        let keys = [&client, &server].map(|stream| {
            stream.export_keying_material([0; 32], b"EXPORTER-test", None).unwrap()
        });
        assert_eq!(keys[0], keys[1]);
        assert_ne!(keys[0], [0; 32]);
    }

    fn a_client_may_keep_the_name_to_itself() {
        let connector = TlsConnector::builder().roots(authority().roots()).sni(false);
        let (client, server) = tcp();
        let connector = connector.build().unwrap();
        let (_client, server) = encrypt_by(&connector, &acceptor(), client, server);
        assert_eq!(server.server_name(), None);
    }

    fn sessions_are_resumed() {
        let (connector, acceptor) = (connector(), acceptor());
        let full = [Some(HandshakeKind::Full); 2];
        let resumed = [Some(HandshakeKind::Resumed); 2];
        assert_eq!(kinds(&connector, &acceptor), full);
        for _ in 0..5 {
            assert_eq!(kinds(&connector.clone(), &acceptor.clone()), resumed);
        }
    }

    fn sessions_are_not_resumed_if_either_side_does_not_want_it() {
        let full = [Some(HandshakeKind::Full); 2];
        let forgetful = TlsConnector::builder().roots(authority().roots()).resumption(0);
        let forgetful = forgetful.build().unwrap();
        let acceptor = acceptor();
        assert_eq!(kinds(&forgetful, &acceptor), full);
        assert_eq!(kinds(&forgetful, &acceptor), full);
        let strict = TlsAcceptor::builder(identity()).resumption(false).build().unwrap();
        let connector = connector();
        assert_eq!(kinds(&connector, &strict), full);
        assert_eq!(kinds(&connector, &strict), full);
    }

    fn older_versions_than_wanted_are_refused() {
        let modern = TlsAcceptor::builder(identity()).min_version(ProtocolVersion::TLSv1_3);
        let modern = modern.build().unwrap();
        let (client, server) = tcp();
        let server = greenstd::spawn(move || modern.accept(server).unwrap_err());
        let error = old_fashioned().connect(NAME, client).unwrap_err();
        let alert = AlertDescription::ProtocolVersion;
        assert_eq!(*reason(&error), rustls::Error::AlertReceived(alert));
        let error = server.join().unwrap();
        assert!(matches!(reason(&error), rustls::Error::PeerIncompatible(_)), "{error}");
        let unspoken = TlsAcceptor::builder(identity()).min_version(ProtocolVersion::TLSv1_0);
        assert_eq!(unspoken.build().unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    /// By configurations of rustls itself; with 1.2 the order of the last messages is another.
    fn tls_1_2_works_as_well() {
        let (connector, acceptor) = (old_fashioned(), acceptor());
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (client, server) = tcp();
            let (client, server) = encrypt_by(&connector, &acceptor, client, server);
            assert_eq!(server.protocol_version(), Some(ProtocolVersion::TLSv1_2));
            assert_eq!(client.handshake_kind(), Some(kind));
            (&client).write_all(b"question").unwrap();
            expect(&server, b"question");
            (&server).write_all(b"answer").unwrap();
            expect(&client, b"answer");
            assert!(client.refresh_keys().is_err(), "1.2 has no such message");
            server.close().unwrap();
            assert_eq!(io::Read::read(&mut &client, &mut [0]).unwrap(), 0);
        }
    }

    fn configurations_of_rustls_are_taken_as_they_are() {
        let connector = TlsConnector::from_config(connector().config().clone());
        let acceptor = TlsAcceptor::from_config(acceptor().config().clone());
        let (client, server) = tcp();
        let (client, _server) = encrypt_by(&connector, &acceptor, client, server);
        assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
        let error = acceptor.replace_identities(identity()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }

    fn each_name_has_its_certificate() {
        let of = |names: &[&str]| authority().sign(names).identity();
        let (main, org) = (of(&[NAME]), of(&["example.org"]));
        let (all, one) = (of(&["*.example.org"]), of(&["one.example.org"]));
        let identities = Identities::new(main)
            .named("Example.ORG", org)
            .named("*.example.org", all)
            .named("one.example.org", one);
        let acceptor = TlsAcceptor::builder(identities).build().unwrap();
        let connector = connector();
        // Each of these names is in one certificate alone, or in the wildcard's.
        for name in [NAME, "example.org", "one.example.org", "two.example.org"] {
            let (client, server) = tcp();
            let acceptor = acceptor.clone();
            let server = greenstd::spawn(move || acceptor.accept(server).unwrap());
            connector.connect(name, client).unwrap();
            assert_eq!(server.join().unwrap().server_name().as_deref(), Some(name));
        }
    }

    fn without_a_default_unknown_names_are_refused() {
        let identities = Identities::without_default().named(NAME, identity());
        let acceptor = TlsAcceptor::builder(identities).build().unwrap();
        let (client, server) = tcp();
        let other = acceptor.clone();
        let server = greenstd::spawn(move || other.accept(server).unwrap_err());
        assert!(connector().connect("localhost", client).is_err());
        reason(&server.join().unwrap());
        let (client, server) = tcp();
        encrypt_by(&connector(), &acceptor, client, server);
    }

    fn certificates_are_replaced_while_the_server_runs() {
        let former = self_signed(&[NAME]);
        let renewed = self_signed(&[NAME]);
        let acceptor = TlsAcceptor::builder(former.identity()).build().unwrap();
        let connector = |pems: &crate::certificates::Pems| {
            let roots = Roots::from_pem(pems.chain.as_bytes()).unwrap();
            TlsConnector::builder().roots(roots).build().unwrap()
        };
        let (client, server) = tcp();
        let (old_client, old_server) =
            encrypt_by(&connector(&former), &acceptor, client, server);
        acceptor.clone().replace_identities(renewed.identity()).unwrap();
        let (client, server) = tcp();
        encrypt_by(&connector(&renewed), &acceptor, client, server);
        // Whoever is connected already notices nothing.
        (&old_client).write_all(b"still here").unwrap();
        expect(&old_server, b"still here");
        let (client, server) = tcp();
        let server = greenstd::spawn(move || acceptor.accept(server).is_err());
        assert!(connector(&former).connect(NAME, client).is_err());
        assert!(server.join().unwrap());
    }
}

fn identity_chain() -> Vec<rustls::pki_types::CertificateDer<'static>> {
    let (client, server) = tls_over_tcp();
    drop(server);
    client.peer_certificates().unwrap()
}

/// A client that speaks TLS 1.2 and nothing else.
fn old_fashioned() -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    let pem = authority().pem.as_bytes();
    let certificate = <rustls::pki_types::CertificateDer<'_> as PemObject>::from_pem_slice(pem);
    roots.add(certificate.unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from_config(config)
}
