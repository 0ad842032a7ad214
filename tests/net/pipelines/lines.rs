//! Lines of limited length.

use greenstd::io::{BufReadExt, BufReader, ErrorKind, Read, Write, pipe_in_memory};

/// Lines as texts, and the kind of the error that ended them.
fn lines(input: &[u8], buffer: usize, limit: usize) -> (Vec<String>, Option<ErrorKind>) {
    let (mut lines, mut error) = (Vec::new(), None);
    let mut all = BufReader::with_capacity(buffer, input).lines_limited(limit);
    for line in &mut all {
        match line {
            Ok(line) => lines.push(line),
            Err(failure) => error = Some(failure.kind()),
        }
    }
    assert!(all.next().is_none());
    (lines, error)
}

#[test]
fn lines_are_those_of_std_wherever_the_buffer_ends() {
    let input = b"one\r\n\ntwo\n three\rfour\nend";
    for buffer in 1..30 {
        let expected: Vec<String> =
            std::io::BufRead::lines(input.as_slice()).map(Result::unwrap).collect();
        assert_eq!(lines(input, buffer, 12), (expected, None));
    }
}

#[test]
fn line_of_the_limit_passes_and_a_longer_one_is_an_error() {
    for buffer in 1..12 {
        assert_eq!(
            lines(b"1234\n12345\n", buffer, 5),
            (vec!["1234".into()], Some(ErrorKind::InvalidData))
        );
        assert_eq!(lines(b"1234\n12345", buffer, 5), (vec!["1234".into(), "12345".into()], None));
        assert_eq!(lines(b"", buffer, 5), (vec![], None));
        assert_eq!(lines(b"x", buffer, 0).1, Some(ErrorKind::InvalidData));
    }
}

#[test]
fn what_is_beyond_the_limit_is_left_unread() {
    let mut input = &b"12345678\nnext\n"[..];
    let mut taken = b"so far: ".to_vec();
    let error = input.read_until_limited(b'\n', &mut taken, 4).unwrap_err();
    assert_eq!((error.kind(), taken.as_slice()), (ErrorKind::InvalidData, &b"so far: 1234"[..]));
    let mut line = "as it was".to_owned();
    assert_eq!(input.read_line_limited(&mut line, 10).unwrap(), 5);
    assert_eq!(line, "as it was5678\n");
    assert!(b"\xff\xfe\n".as_slice().read_line_limited(&mut line, 10).is_err());
    assert_eq!(line, "as it was5678\n");
}

laws! {
    fn peer_that_never_ends_its_line_costs_no_more_than_the_limit() {
        let (reader, mut writer) = pipe_in_memory(1000);
        let endless = thread::spawn(move || while writer.write_all(&[b'x'; 100]).is_ok() {});
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        let error = reader.read_line_limited(&mut line, 100_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(line.is_empty());
        reader.read_exact(&mut [0]).unwrap();
        drop(reader);
        endless.join().unwrap();
    }
}
