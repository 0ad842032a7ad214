//! A pair of Unix sockets as the model: the same calls in a random order have the same outcomes.

use super::{Stream, pair, run};
use crate::random::Random;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

/// What a call has returned, with the bytes that it has read.
type Outcome = Result<(usize, Vec<u8>), ErrorKind>;

/// The calls that both types have.
trait Calls: Sized {
    fn read(&mut self, size: usize) -> Outcome;
    fn write(&mut self, bytes: &[u8]) -> Outcome;
    fn shut(&mut self, how: Shutdown) -> Outcome;
}

macro_rules! calls {
    ($name:ident, $stream:ty) => {
        struct $name($stream);

        impl Calls for $name {
            fn read(&mut self, size: usize) -> Outcome {
                let mut buffer = vec![0; size];
                let count = self.0.read(&mut buffer).map_err(|error| error.kind())?;
                buffer.truncate(count);
                Ok((count, buffer))
            }

            fn write(&mut self, bytes: &[u8]) -> Outcome {
                self.0.write(bytes).map(|count| (count, Vec::new())).map_err(|error| error.kind())
            }

            fn shut(&mut self, how: Shutdown) -> Outcome {
                self.0.shutdown(how).map(|()| (0, Vec::new())).map_err(|error| error.kind())
            }
        }
    };
}

calls!(Ours, Stream);
calls!(Kernels, UnixStream);

/// One of the calls, as the generator draws it, on one end, or its close.
fn call<C: Calls>(ends: &mut [Option<C>; 2], random: &mut Random) -> Option<Outcome> {
    let (end, kind, size) = (random.below(2), random.below(40), random.below(20) as usize);
    let slot = &mut ends[end as usize];
    if kind == 0 {
        *slot = None;
    }
    let stream = slot.as_mut()?;
    Some(match kind {
        1 => stream.shut(Shutdown::Write),
        2 => stream.shut(Shutdown::Read),
        3 => stream.shut(Shutdown::Both),
        4..20 => stream.write(&vec![size as u8; size]),
        // A socket waits for data even if there is nowhere to put it.
        _ => stream.read(size + 1),
    })
}

#[test]
fn any_order_of_calls_has_the_outcomes_of_sockets() {
    run(|| {
        let mut random = Random::from_environment();
        for _ in 0..300 {
            let (one, other) = pair();
            let (its_one, its_other) = UnixStream::pair().unwrap();
            for stream in [&one, &other] {
                stream.set_nonblocking(true).unwrap();
            }
            for stream in [&its_one, &its_other] {
                stream.set_nonblocking(true).unwrap();
            }
            let mut ours = [Some(Ours(one)), Some(Ours(other))];
            let mut kernels = [Some(Kernels(its_one)), Some(Kernels(its_other))];
            // Few bytes and calls: the kernel's buffers are larger than ours, and count otherwise.
            for turn in 0..100 {
                let mut same = random.clone();
                let ours = call(&mut ours, &mut random);
                assert_eq!(ours, call(&mut kernels, &mut same), "turn {turn}");
            }
        }
    });
}
