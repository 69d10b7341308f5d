//! Which globals a dumped Lua 5.4 function names.
//!
//! A task gets copies of its parent's globals. Copying all of them each time would be dear, so the
//! dump of every function that travels is read for the instructions that touch the globals table.
//! `_ENV` is an ordinary upvalue in Lua 5.4: `print` compiles to `GETTABUP env "print"`, whose key
//! is always a constant. Anything else that gets at the table (`_ENV[k]`, `local e = _ENV`) must
//! first fetch the upvalue whole with `GETUPVAL`.
//!
//! The format read here is that of `ldump.c` in Lua 5.4; a dump with another header is reported as
//! unreadable, and the caller then copies every global.

const HEADER: &[u8] = b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08";
/// After [`HEADER`]: a check integer and a check float.
const UPVALUE_COUNT_AT: usize = HEADER.len() + 16;

const OP_GETUPVAL: u32 = 9;
const OP_GETTABUP: u32 = 11;

/// What a function and the functions inside it do with the globals table.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Uses {
    /// Globals read by name.
    pub(super) names: Vec<Box<[u8]>>,
    /// The table itself is used as a value, so any global may be reached.
    pub(super) whole: bool,
}

/// How many upvalues the dumped function has, or `None` if the dump cannot be read.
pub(super) fn upvalue_count(code: &[u8]) -> Option<u8> {
    code.starts_with(HEADER)
        .then(|| code.get(UPVALUE_COUNT_AT).copied())?
}

/// Reads a dump. `is_globals[i]` says whether upvalue `i` is the globals table.
pub(super) fn uses(code: &[u8], is_globals: &[bool]) -> Option<Uses> {
    upvalue_count(code)?;
    let mut reader = Reader {
        rest: code.get(UPVALUE_COUNT_AT + 1..)?,
    };
    let mut uses = Uses::default();
    reader.function(is_globals, &mut uses)?;
    Some(uses)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(n)?;
        self.rest = tail;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.bytes(1)?[0])
    }

    /// Seven bits a byte, most significant first; the last byte has its high bit set.
    fn size(&mut self) -> Option<usize> {
        let mut n: usize = 0;
        loop {
            let b = self.byte()?;
            n = n.checked_mul(128)? | usize::from(b & 0x7f);
            if b & 0x80 != 0 {
                return Some(n);
            }
        }
    }

    /// A length one too large, so that zero can stand for "no string".
    fn string(&mut self) -> Option<&'a [u8]> {
        match self.size()? {
            0 => Some(&[]),
            n => self.bytes(n - 1),
        }
    }

    fn function(&mut self, is_globals: &[bool], uses: &mut Uses) -> Option<()> {
        self.string()?; // source
        self.size()?; // first line
        self.size()?; // last line
        self.bytes(3)?; // parameters, vararg, stack size
        let n = self.size()?;
        let code = self.bytes(n.checked_mul(4)?)?;
        let constants = self.constants()?;
        let is_env = |i: usize| is_globals.get(i).copied().unwrap_or(false);
        for word in code.chunks_exact(4) {
            let word = u32::from_le_bytes(word.try_into().ok()?);
            let upvalue = (word >> 16 & 0xff) as usize;
            match word & 0x7f {
                OP_GETUPVAL if is_env(upvalue) => uses.whole = true,
                OP_GETTABUP if is_env(upvalue) => {
                    let name: Box<[u8]> = (*constants.get((word >> 24) as usize)?)?.into();
                    if !uses.names.contains(&name) {
                        uses.names.push(name);
                    }
                }
                _ => {}
            }
        }
        let n = self.size()?;
        self.bytes(n.checked_mul(3)?)?; // upvalues, already read by `nested`
        for _ in 0..self.size()? {
            self.nested(is_globals, uses)?;
        }
        self.debug()
    }

    /// A nested function: its upvalue list comes after its code, so it is read twice.
    fn nested(&mut self, outer: &[bool], uses: &mut Uses) -> Option<()> {
        let start = self.rest;
        self.string()?;
        self.size()?;
        self.size()?;
        self.bytes(3)?;
        let n = self.size()?;
        self.bytes(n.checked_mul(4)?)?;
        self.constants()?;
        let n = self.size()?;
        let upvalues = self.bytes(n.checked_mul(3)?)?;
        let marks: Vec<bool> = upvalues
            .chunks_exact(3)
            .map(|u| u[0] == 0 && outer.get(usize::from(u[1])).copied().unwrap_or(false))
            .collect();
        self.rest = start;
        self.function(&marks, uses)
    }

    /// The constants; only strings are kept.
    fn constants(&mut self) -> Option<Vec<Option<&'a [u8]>>> {
        let n = self.size()?;
        let mut constants = Vec::with_capacity(n.min(self.rest.len()));
        for _ in 0..n {
            constants.push(match self.byte()? {
                0x00 | 0x01 | 0x11 => None,
                0x03 | 0x13 => {
                    self.bytes(8)?;
                    None
                }
                0x04 | 0x14 => Some(self.string()?),
                _ => return None,
            });
        }
        Some(constants)
    }

    fn debug(&mut self) -> Option<()> {
        let n = self.size()?;
        self.bytes(n)?; // line deltas
        for _ in 0..self.size()? {
            self.size()?;
            self.size()?;
        }
        for _ in 0..self.size()? {
            self.string()?; // a local's name, first and last instruction
            self.size()?;
            self.size()?;
        }
        for _ in 0..self.size()? {
            self.string()?; // an upvalue's name
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlua::Lua;

    fn read(source: &str) -> Uses {
        let code = Lua::new().load(source).into_function().unwrap().dump(false);
        uses(&code, &[true]).expect("the vendored Lua writes the format read here")
    }

    fn names(source: &str) -> Vec<String> {
        let mut names: Vec<String> = read(source)
            .names
            .iter()
            .map(|n| String::from_utf8_lossy(n).into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn globals_read_by_name_are_found() {
        assert_eq!(
            names("local a = 1; b = 2; return print(x, a, b)"),
            ["b", "print", "x"]
        );
    }

    #[test]
    fn nested_functions_are_read_too() {
        assert_eq!(
            names("return function() return function() return deep end end"),
            ["deep"]
        );
    }

    #[test]
    fn a_local_env_is_not_the_globals_table() {
        assert_eq!(
            names("local _ENV = {}; return function() return mine end"),
            [""; 0]
        );
    }

    #[test]
    fn using_the_table_as_a_value_is_noticed() {
        assert!(read("local e = _ENV; return e").whole);
        assert!(read("return function(k) return _ENV[k] end").whole);
        assert!(!read("return function(k) return t[k] end").whole);
    }

    #[test]
    fn what_is_no_dump_is_refused() {
        assert_eq!(uses(b"return 1", &[true]), None);
        assert_eq!(uses(b"", &[]), None);
        let code = Lua::new()
            .load("return x")
            .into_function()
            .unwrap()
            .dump(false);
        for n in 0..code.len() {
            assert_eq!(uses(&code[..n], &[true]), None, "cut at {n}");
        }
    }
}
