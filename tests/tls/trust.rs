//! Trust: certificates that are not to be believed, and who has to have one.

use crate::certificates::{
    Authority, NAME, Pems, acceptor, authority, connector, encrypt_by, identity, self_signed,
};
use crate::child;
use crate::fixture::{expect, reason, tcp};
use greenstd::net::TcpStream;
use greenstd::net::tls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use greenstd::net::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use greenstd::net::tls::rustls::{
    self, AlertDescription, CertificateError, DigitallySignedStruct, Error, SignatureScheme,
};
use greenstd::net::tls::{Identity, Roots, TlsAcceptor, TlsConnector, TlsStream};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// What a client finds wrong with a certificate, and what its server is told.
fn refusal(pems: &Pems, name: &str) -> (CertificateError, AlertDescription) {
    let acceptor = TlsAcceptor::builder(pems.identity()).build().unwrap();
    let (client, server) = tcp();
    let server = greenstd::spawn(move || acceptor.accept(server).unwrap_err());
    let error = connector().connect(name, client).unwrap_err();
    let Error::InvalidCertificate(wrong) = reason(&error).clone() else { panic!("{error}") };
    let error = server.join().unwrap();
    let Error::AlertReceived(alert) = reason(&error).clone() else { panic!("{error}") };
    (wrong, alert)
}

laws! {
    fn a_certificate_for_another_name_is_refused() {
        let (wrong, alert) = refusal(&authority().sign(&["other.test"]), NAME);
        assert!(matches!(wrong, CertificateError::NotValidForNameContext { .. }), "{wrong:?}");
        assert_eq!(alert, AlertDescription::BadCertificate);
    }

    fn an_expired_certificate_is_refused() {
        let (wrong, alert) = refusal(&authority().sign_expired(&[NAME]), NAME);
        assert!(matches!(wrong, CertificateError::ExpiredContext { .. }), "{wrong:?}");
        assert_eq!(alert, AlertDescription::CertificateExpired);
    }

    fn a_self_signed_certificate_is_refused_unless_it_is_a_root() {
        let pems = self_signed(&[NAME]);
        let (wrong, alert) = refusal(&pems, NAME);
        assert_eq!(wrong, CertificateError::UnknownIssuer);
        assert_eq!(alert, AlertDescription::UnknownCA);
        let roots = Roots::from_pem(pems.chain.as_bytes()).unwrap();
        let connector = TlsConnector::builder().roots(roots).build().unwrap();
        let acceptor = TlsAcceptor::builder(pems.identity()).build().unwrap();
        let (client, server) = tcp();
        encrypt_by(&connector, &acceptor, client, server);
    }

    fn a_certificate_by_somebody_else_is_refused() {
        let (wrong, _) = refusal(&Authority::new().sign(&[NAME]), NAME);
        assert!(matches!(wrong, CertificateError::UnknownIssuer | CertificateError::BadSignature));
    }

    fn an_address_is_a_name_too() {
        let (client, server) = tcp();
        let server = greenstd::spawn(move || acceptor().accept(server).unwrap());
        connector().connect("127.0.0.1", client).unwrap();
        assert_eq!(server.join().unwrap().server_name(), None);
        let (client, _server) = tcp();
        let error = connector().connect("no name", client).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    fn a_client_without_the_required_certificate_is_refused() {
        let acceptor = TlsAcceptor::builder(identity());
        let acceptor = acceptor.require_client_certificate(authority().roots()).build().unwrap();
        let (client, server) = tcp();
        let other = acceptor.clone();
        let server = greenstd::spawn(move || other.accept(server).unwrap_err());
        // With TLS 1.3 a client is done before its server has looked at the certificate.
        let client = connector().connect(NAME, client).unwrap();
        let error = (&client).read(&mut [0]).unwrap_err();
        let alert = AlertDescription::CertificateRequired;
        assert_eq!(*reason(&error), Error::AlertReceived(alert));
        assert_eq!(*reason(&(&client).read(&mut [0]).unwrap_err()), *reason(&error), "for good");
        assert_eq!(*reason(&server.join().unwrap()), Error::NoCertificatesPresented);

        let (client, server) = with_certificate(&acceptor, authority());
        assert!(server.is_ok_and(|stream| stream.peer_certificates().unwrap().len() == 1));
        drop(client);
        let (_client, server) = with_certificate(&acceptor, &Authority::new());
        assert!(matches!(reason(&server.unwrap_err()), Error::InvalidCertificate(_)));
    }

    fn a_certificate_that_is_only_requested_may_be_missing() {
        let acceptor = TlsAcceptor::builder(identity());
        let acceptor = acceptor.request_client_certificate(authority().roots()).build().unwrap();
        let (client, server) = tcp();
        let (client, server) = encrypt_by(&connector(), &acceptor, client, server);
        assert_eq!(server.peer_certificates(), None);
        (&client).write_all(b"anonymous").unwrap();
        expect(&server, b"anonymous");
        let (_client, server) = with_certificate(&acceptor, authority());
        assert!(server.unwrap().peer_certificates().is_some());
        let (_client, server) = with_certificate(&acceptor, &Authority::new());
        assert!(server.is_err(), "a wrong certificate is worse than none");
    }

    fn a_dangerous_verifier_decides_alone() {
        let acceptor = TlsAcceptor::builder(self_signed(&["other.test"]).identity());
        let acceptor = acceptor.build().unwrap();
        for (believes, outcome) in [(true, None), (false, Some(CertificateError::Revoked))] {
            let connector = TlsConnector::builder();
            let connector = connector.dangerous_verifier(Arc::new(Whim(believes))).build().unwrap();
            let (client, server) = tcp();
            let acceptor = acceptor.clone();
            let server = greenstd::spawn(move || acceptor.accept(server).is_ok());
            let error = connector.connect(NAME, client).err();
            let wrong = error.map(|error| match reason(&error) {
                Error::InvalidCertificate(wrong) => wrong.clone(),
                other => panic!("{other}"),
            });
            assert_eq!(wrong, outcome);
            assert_eq!(server.join().unwrap(), believes);
        }
    }

    fn what_is_no_certificate_is_refused_at_once() {
        let (one, other) = (authority().sign(&[NAME]), authority().sign(&[NAME]));
        let kind = |chain: &str, key: &str| {
            Identity::from_pem(chain.as_bytes(), key.as_bytes()).map(drop).map_err(|e| e.kind())
        };
        assert_eq!(kind(&one.chain, &one.key), Ok(()));
        let both = format!("{}{}", one.chain, one.key);
        assert_eq!(kind(&both, &both), Ok(()));
        let refused = Err(io::ErrorKind::InvalidInput);
        assert_eq!(kind(&one.chain, &other.key), refused);
        assert_eq!(kind("", &one.key), refused);
        assert_eq!(kind(&one.chain, ""), refused);
        assert_eq!(kind("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", ""), refused);
        assert_eq!(Roots::from_pem(b"").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let nobody = TlsAcceptor::builder(identity()).require_client_certificate(Roots::empty());
        assert_eq!(nobody.build().unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let missing = Identity::from_pem_files("/nowhere/chain", "/nowhere/key").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}

/// In a process of its own: the roots of the platform are those that the environment names.
#[test]
fn the_platform_is_trusted_by_default() {
    let child = child::prepare(|| {
        assert!(std::env::var_os("SSL_CERT_FILE").is_some(), "the parent names a file");
        let (client, server) = tcp();
        let identity = child::text(&std::fs::read(std::env::var("IDENTITY").unwrap()).unwrap());
        let identity = Identity::from_pem(identity.as_bytes(), identity.as_bytes()).unwrap();
        let acceptor = TlsAcceptor::builder(identity).build().unwrap();
        encrypt_by(&TlsConnector::new().unwrap(), &acceptor, client, server);
    });
    // In the parent alone: the child does not come here.
    let folder = std::env::temp_dir().join(format!("greenstd-roots-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let (roots, identity) = (folder.join("roots.pem"), folder.join("identity.pem"));
    let Pems { chain, key } = authority().sign(&[NAME]);
    std::fs::write(&roots, &authority().pem).unwrap();
    std::fs::write(&identity, chain + &key).unwrap();
    let mut command = child.into_command();
    command.env("SSL_CERT_FILE", &roots).env("IDENTITY", &identity).env_remove("SSL_CERT_DIR");
    let output = command.output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{}", child::text(&output.stderr));
}

/// What became of either side.
type Side = io::Result<TlsStream<TcpStream>>;

/// A client with a certificate by `authority`.
fn with_certificate(acceptor: &TlsAcceptor, authority: &Authority) -> (Side, Side) {
    let identity = authority.sign(&["client.test"]).identity();
    let connector = TlsConnector::builder().roots(crate::certificates::authority().roots());
    let connector = connector.identity(identity).build().unwrap();
    let (client, server) = tcp();
    let acceptor = acceptor.clone();
    let server = greenstd::spawn(move || acceptor.accept(server));
    let client = connector.connect(NAME, client);
    (client, server.join().unwrap())
}

/// Believes everybody or nobody.
#[derive(Debug)]
struct Whim(bool);

impl ServerCertVerifier for Whim {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // A user's code may wait wherever it is called.
        greenstd::thread::yield_now();
        match self.0 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::Revoked.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
