//! One request, as far as this server looks at it.

use crate::state::Limits;
use httparse::{EMPTY_HEADER, Error, Status};

/// What was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Bytes of the first line and the headers.
    pub(crate) head: usize,
    pub(crate) body: Body,
    /// The other side waits to be told to go on before it sends the body.
    pub(crate) asks: bool,
    pub(crate) keeps_alive: bool,
}

/// What follows the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes.
    Bytes(usize),
    /// Pieces, each with its length before it; an empty one is the last.
    Chunks,
}

/// What the bytes that have come so far are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Whole(Request),
    /// There is more to come.
    Partial,
    /// The status with which it is to be refused.
    Refused(u16),
}

/// Reads the first line and the headers.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Parsed {
    let mut headers = vec![EMPTY_HEADER; limits.headers];
    let mut request = httparse::Request::new(&mut headers);
    let head = match request.parse(bytes) {
        Ok(Status::Complete(head)) if head <= limits.head => head,
        Ok(Status::Partial) if bytes.len() < limits.head => return Parsed::Partial,
        Ok(_) | Err(Error::TooManyHeaders) => return Parsed::Refused(431),
        Err(Error::Version) => return Parsed::Refused(505),
        Err(_) => return Parsed::Refused(400),
    };
    let is_new = request.version == Some(1);
    let (mut length, mut is_chunked, mut asks) = (None, false, false);
    let (mut hosts, mut keeps_alive) = (0, is_new);
    for header in &*request.headers {
        // What is no text is none of ours, and is not left out either: a reader before us may see more in it.
        let value = std::str::from_utf8(header.value)
            .unwrap_or("\u{fffd}")
            .trim();
        match header.name.to_ascii_lowercase().as_str() {
            "host" => hosts += 1,
            "content-length" => {
                // Digits only, and the same if it is there twice: else two readers may not agree where the next
                // request begins.
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let Some(given) = digits.then(|| value.parse().unwrap_or(usize::MAX)) else {
                    return Parsed::Refused(400);
                };
                if length.is_some_and(|before| before != given) {
                    return Parsed::Refused(400);
                }
                length = Some(given);
            }
            "transfer-encoding" if is_chunked || !is_new => return Parsed::Refused(400),
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => is_chunked = true,
            // Compressed bodies are more than this example reads.
            "transfer-encoding" => return Parsed::Refused(501),
            "expect" if value.eq_ignore_ascii_case("100-continue") => asks = is_new,
            "expect" => return Parsed::Refused(417),
            "connection" => {
                for word in value.split(',').map(str::trim) {
                    if word.eq_ignore_ascii_case("close") {
                        keeps_alive = false;
                    } else if word.eq_ignore_ascii_case("keep-alive") {
                        keeps_alive = true;
                    }
                }
            }
            _ => {}
        }
    }
    // Both lengths, several hosts, none: two readers would not agree what is meant.
    if (is_chunked && length.is_some()) || hosts > 1 || (is_new && hosts == 0) {
        return Parsed::Refused(400);
    }
    if length.is_some_and(|length| length > limits.body) {
        return Parsed::Refused(413);
    }
    let body = if is_chunked {
        Body::Chunks
    } else {
        Body::Bytes(length.unwrap_or(0))
    };
    Parsed::Whole(Request {
        method: request.method.unwrap_or_default().to_owned(),
        path: path_of(request.path.unwrap_or_default()).to_owned(),
        head,
        body,
        asks,
        keeps_alive,
    })
}

/// The path of what may be a whole address, as whoever asks a proxy says.
fn path_of(target: &str) -> &str {
    let Some((_, rest)) = target
        .split_once("://")
        .filter(|_| !target.starts_with('/'))
    else {
        return target;
    };
    rest.find('/').map_or("/", |at| &rest[at..])
}

impl Body {
    /// How many of `bytes`, which follow the headers, are the body: it is left unread. `None`: there is more to come.
    ///
    /// # Errors
    /// The status with which it is to be refused.
    pub(crate) fn length(self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, u16> {
        let length = match self {
            Self::Bytes(length) => length,
            Self::Chunks => match chunks(bytes, limits)? {
                Some(length) => length,
                None if bytes.len() > limits.body + limits.head => return Err(413),
                None => return Ok(None),
            },
        };
        Ok((bytes.len() >= length).then_some(length))
    }
}

/// Bytes of all chunks, and of what headers follow them, with what is around them.
fn chunks(bytes: &[u8], limits: &Limits) -> Result<Option<usize>, u16> {
    let (mut at, mut sum) = (0, 0_u64);
    loop {
        let (start, length) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(Status::Complete(found)) => found,
            Ok(Status::Partial) => return Ok(None),
            Err(_) => return Err(400),
        };
        at += start;
        if length == 0 {
            let mut headers = vec![EMPTY_HEADER; limits.headers];
            return match httparse::parse_headers(&bytes[at..], &mut headers) {
                Ok(Status::Complete((end, _))) => Ok(Some(at + end)),
                Ok(Status::Partial) => Ok(None),
                Err(_) => Err(400),
            };
        }
        sum = sum.saturating_add(length);
        if sum > limits.body as u64 {
            return Err(413);
        }
        let end = at + length as usize;
        match bytes.get(end..end + 2) {
            Some(b"\r\n") => at = end + 2,
            Some(_) => return Err(400),
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<u16> {
        match parse(text.as_bytes(), &Limits::default()) {
            Parsed::Refused(status) => Some(status),
            _ => None,
        }
    }

    #[test]
    fn whole_partial_and_malformed_requests_are_told_apart() {
        let limits = Limits::default();
        let whole =
            b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
        let expected = Request {
            method: "GET".to_owned(),
            path: "/a".to_owned(),
            head: whole.len() - 3,
            body: Body::Bytes(3),
            asks: false,
            keeps_alive: false,
        };
        assert_eq!(parse(whole, &limits), Parsed::Whole(expected));
        assert_eq!(parse(&whole[..20], &limits), Parsed::Partial);
        assert_eq!(parse(b"", &limits), Parsed::Partial);
        assert_eq!(refused("\0\0\0\0"), Some(400));
        assert_eq!(refused("GET / HTTP/3.0\r\n\r\n"), Some(505));
        assert_eq!(
            refused("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"),
            Some(400)
        );
        assert_eq!(
            refused("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            Some(400)
        );
        assert_eq!(
            refused("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            Some(501)
        );
        assert_eq!(
            refused("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            Some(413)
        );
        for malformed in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert_eq!(refused(malformed), Some(400), "{malformed:?}");
        }
        let unreadable = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \xff1\r\n\r\n";
        assert_eq!(parse(unreadable, &limits), Parsed::Refused(400));
        let unreadable = b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xffchunked\r\n\r\n";
        assert_eq!(parse(unreadable, &limits), Parsed::Refused(501));
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n", "y".repeat(limits.head));
        assert_eq!(refused(&long), Some(431));
        let many = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "X: y\r\n".repeat(limits.headers + 1)
        );
        assert_eq!(refused(&many), Some(431));
    }

    #[test]
    fn bodies_in_chunks_end_where_they_say() {
        let limits = Limits::default();
        let length = |text: &str| Body::Chunks.length(text.as_bytes(), &limits);
        let whole = "3;why=not\r\nabc\r\nA\r\n0123456789\r\n0\r\nLate: yes\r\n\r\n";
        assert_eq!(length(whole), Ok(Some(whole.len())));
        assert_eq!(
            length(&format!("{whole}GET / HTTP/1.1")),
            Ok(Some(whole.len()))
        );
        for end in 0..whole.len() {
            assert_eq!(length(&whole[..end]), Ok(None), "{end}");
        }
        for malformed in ["x\r\n", "3\r\nabcd\r\n", "-1\r\n", "0\r\nno colon\r\n\r\n"] {
            assert_eq!(length(malformed), Err(400), "{malformed:?}");
        }
        assert_eq!(length("FFFFFFFFFFFFFFFF\r\n"), Err(413));
        assert_eq!(length("10001\r\n"), Err(413));
    }

    #[test]
    fn of_a_whole_address_the_path_counts() {
        for (target, path) in [
            ("/a?b=c://d", "/a?b=c://d"),
            ("http://host:80/a", "/a"),
            ("http://host", "/"),
            ("*", "*"),
        ] {
            assert_eq!(path_of(target), path);
        }
    }
}
