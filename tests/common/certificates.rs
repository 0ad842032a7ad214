//! Certificates for tests: an authority of this process, and those that it has signed.
#![allow(dead_code, reason = "not every program that shares this file uses all of it")]

use greenstd::net::io::Duplex;
use greenstd::net::tls::{Identity, Roots, TlsAcceptor, TlsConnector, TlsStream};
use greenstd::thread;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use std::sync::OnceLock;

/// The name that servers of these tests have.
pub const NAME: &str = "server.test";

/// Who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Pems {
    pub chain: String,
    pub key: String,
}

/// The one that clients of these tests believe.
pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

impl Authority {
    pub fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "greenstd's test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    pub fn roots(&self) -> Roots {
        Roots::from_pem(self.pem.as_bytes()).unwrap()
    }

    /// A certificate for these names.
    pub fn sign(&self, names: &[&str]) -> Pems {
        self.sign_with(names, |_| ())
    }

    /// One that was good until 2001.
    pub fn sign_expired(&self, names: &[&str]) -> Pems {
        self.sign_with(names, |params| {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 1);
        })
    }

    fn sign_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pems {
        let (mut params, key) = (params(names), KeyPair::generate().unwrap());
        change(&mut params);
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pems { chain, key: key.serialize_pem() }
    }
}

/// A certificate that vouches for itself.
pub fn self_signed(names: &[&str]) -> Pems {
    let key = KeyPair::generate().unwrap();
    let chain = params(names).self_signed(&key).unwrap().pem();
    Pems { chain, key: key.serialize_pem() }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

impl Pems {
    pub fn identity(&self) -> Identity {
        Identity::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }
}

/// A server's identity that clients of these tests believe.
pub fn identity() -> Identity {
    static PEMS: OnceLock<Pems> = OnceLock::new();
    PEMS.get_or_init(|| authority().sign(&[NAME, "localhost", "127.0.0.1"])).identity()
}

pub fn acceptor() -> TlsAcceptor {
    TlsAcceptor::builder(identity()).build().unwrap()
}

pub fn connector() -> TlsConnector {
    TlsConnector::builder().roots(authority().roots()).build().unwrap()
}

/// Both ends of an encrypted connection over both ends of a connection: the client's, the server's.
pub fn encrypt<S: Duplex + Send>(client: S, server: S) -> (TlsStream<S>, TlsStream<S>) {
    encrypt_by(&connector(), &acceptor(), client, server)
}

pub fn encrypt_by<S: Duplex + Send>(
    connector: &TlsConnector,
    acceptor: &TlsAcceptor,
    client: S,
    server: S,
) -> (TlsStream<S>, TlsStream<S>) {
    thread::scope(|scope| {
        let server = scope.spawn(|| acceptor.accept(server).unwrap());
        let client = connector.connect(NAME, client).unwrap();
        (client, server.join().unwrap())
    })
}
