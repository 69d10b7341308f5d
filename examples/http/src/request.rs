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
    /// Bytes that follow.
    pub(crate) body: usize,
    pub(crate) keeps_alive: bool,
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
    let (mut body, mut keeps_alive) = (None, request.version == Some(1));
    for header in &*request.headers {
        let Ok(value) = std::str::from_utf8(header.value).map(str::trim) else {
            continue;
        };
        match header.name.to_ascii_lowercase().as_str() {
            "content-length" => {
                // Digits only, and the same if it is there twice: else two readers may not agree where the next
                // request begins.
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let Some(length) = digits.then(|| value.parse().unwrap_or(usize::MAX)) else {
                    return Parsed::Refused(400);
                };
                if body.is_some_and(|before| before != length) {
                    return Parsed::Refused(400);
                }
                body = Some(length);
            }
            // Bodies in pieces are more than this example reads.
            "transfer-encoding" => return Parsed::Refused(501),
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
    if body.is_some_and(|body| body > limits.body) {
        return Parsed::Refused(413);
    }
    Parsed::Whole(Request {
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        head,
        body: body.unwrap_or(0),
        keeps_alive,
    })
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
            body: 3,
            keeps_alive: false,
        };
        assert_eq!(parse(whole, &limits), Parsed::Whole(expected));
        assert_eq!(parse(&whole[..20], &limits), Parsed::Partial);
        assert_eq!(parse(b"", &limits), Parsed::Partial);
        assert_eq!(refused("\0\0\0\0"), Some(400));
        assert_eq!(refused("GET / HTTP/3.0\r\n\r\n"), Some(505));
        assert_eq!(
            refused("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"),
            Some(400)
        );
        assert_eq!(
            refused("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            Some(400)
        );
        assert_eq!(
            refused("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Some(501)
        );
        assert_eq!(
            refused("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            Some(413)
        );
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n", "y".repeat(limits.head));
        assert_eq!(refused(&long), Some(431));
        let many = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "X: y\r\n".repeat(limits.headers + 1)
        );
        assert_eq!(refused(&many), Some(431));
    }
}
