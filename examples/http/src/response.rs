//! One answer, and how it looks on the wire.

use crate::{request::Request, state::State};
use std::sync::atomic::Ordering::Relaxed;

/// What is answered.
#[derive(Debug)]
pub(crate) struct Response {
    status: u16,
    text: String,
}

impl Response {
    pub(crate) fn refusal(status: u16) -> Self {
        let text = format!("{status} {}\n", reason(status));
        Self { status, text }
    }

    pub(crate) fn to(request: &Request, state: &State) -> Self {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Self::refusal(405);
        }
        let path = request.path.split('?').next().unwrap_or_default();
        let text = match path {
            "/" => {
                let visits = state.visits.fetch_add(1, Relaxed) + 1;
                format!("Hello, visitor number {visits}\n")
            }
            "/health" => "ok\n".to_owned(),
            "/status" => format!(
                "{{\"visits\":{},\"answered\":{},\"refused\":{},\"lately\":{},\"seconds\":{}}}\n",
                state.visits.load(Relaxed),
                state.answered.load(Relaxed),
                state.refused.load(Relaxed),
                state.lately.load(Relaxed),
                state.began.elapsed().as_secs(),
            ),
            _ => return Self::refusal(404),
        };
        Self { status: 200, text }
    }

    pub(crate) fn is_refusal(&self) -> bool {
        self.status >= 400
    }

    pub(crate) fn bytes(&self, keeps_alive: bool, with_body: bool) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n{}\r\n",
            self.status,
            reason(self.status),
            if self.text.starts_with('{') {
                "application/json"
            } else {
                "text/plain"
            },
            self.text.len(),
            if keeps_alive { "keep-alive" } else { "close" },
            if self.status == 405 {
                "Allow: GET, HEAD\r\n"
            } else {
                ""
            },
        );
        let mut bytes = head.into_bytes();
        if with_body {
            bytes.extend_from_slice(self.text.as_bytes());
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        _ => "HTTP Version Not Supported",
    }
}
