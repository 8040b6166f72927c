//! The parts of Python's pickle format that weights are saved with. Nothing is executed: a call is
//! read as what it would call, with what.

use std::{collections::HashMap, rc::Rc};

/// What a pickle holds. Lists and dictionaries are kept beside it, by number, so that however they
/// are nested, nothing recurses.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Int(i64),
    Text(Rc<str>),
    /// A class or function, with its module.
    Global(Rc<str>),
    /// A list or tuple, of [`Pickle::lists`].
    List(usize),
    /// Of [`Pickle::dicts`].
    Dict(usize),
    /// What the rest of the file says more about; the list of [`Pickle::lists`] is its key.
    Persistent(usize),
    /// The function and its arguments, of [`Pickle::lists`].
    Call(Rc<str>, usize),
    /// Numbers with fractions, bytes, nothing.
    Other,
}

/// A pickle that has been read.
#[derive(Debug, Default)]
pub(super) struct Pickle {
    pub(super) lists: Vec<Vec<Value>>,
    pub(super) dicts: Vec<Vec<(Value, Value)>>,
}

/// Reads the pickle that `bytes` begin with: its value, and how long it is.
///
/// # Errors
/// Says what is wrong, and where.
pub(super) fn read(bytes: &[u8]) -> Result<(Pickle, Value, usize), String> {
    let mut machine = Machine {
        bytes,
        at: 0,
        pickle: Pickle::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    let value = machine.run().map_err(|why| format!("{why}, at byte {}", machine.at))?;
    Ok((machine.pickle, value, machine.at))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    pickle: Pickle,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<usize, Value>,
}

/// What makes a dictionary that is filled afterwards.
const DICTS: [&str; 4] =
    ["collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict"];

const CUT: &str = "the pickle ends too early";
const EMPTY: &str = "the pickle takes more than it has";

impl Machine<'_> {
    /// The format is a program for a machine with a stack; one letter a step.
    fn run(&mut self) -> Result<Value, String> {
        loop {
            match self.take(1)?[0] {
                b'.' => return self.pop(),
                0x80 => drop(self.take(1)?), // protocol
                0x95 => drop(self.take(8)?), // frame
                b'(' => self.marks.push(self.stack.len()),
                // What is left, and what is set on an object.
                b'0' | b'b' => drop(self.pop()?),
                b'1' => drop(self.since_mark()?),
                b'2' => {
                    let last = self.stack.last().ok_or(EMPTY)?.clone();
                    self.stack.push(last);
                }
                b'N' | 0x88 | 0x89 => self.stack.push(Value::Other), // nothing, true, false
                b'J' => self.int(4)?,
                b'K' => self.unsigned(1)?,
                b'M' => self.unsigned(2)?,
                0x8a => {
                    let n = self.length(1)?;
                    self.int(n)?;
                }
                0x8b => {
                    let n = self.length(4)?;
                    self.int(n)?;
                }
                b'I' | b'L' | b'F' => {
                    let line = self.line()?;
                    let int = line.trim_end_matches('L').parse().ok();
                    self.stack.push(int.map_or(Value::Other, Value::Int));
                }
                b'G' => self.skip(8)?,
                b'X' => self.text(4)?,
                0x8c => self.text(1)?,
                0x8d => self.text(8)?,
                b'T' | b'B' => self.skip_long(4)?,
                b'U' | b'C' => self.skip_long(1)?,
                0x8e => self.skip_long(8)?,
                b'}' => self.dict(Vec::new()),
                b']' | b')' | 0x8f => self.list(Vec::new()),
                b't' | b'l' | 0x91 => {
                    let items = self.since_mark()?;
                    self.list(items);
                }
                b'd' => {
                    let items = self.since_mark()?;
                    self.dict(pairs(items));
                }
                n @ 0x85..=0x87 => {
                    let items = self.pops(usize::from(n - 0x84))?;
                    self.list(items);
                }
                b'q' => self.remember_by(1)?,
                b'r' => self.remember_by(4)?,
                0x94 => self.remember(self.memo.len())?,
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' | 0x90 => {
                    let items = self.since_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let items = self.pops(2)?;
                    self.set(items)?;
                }
                b'u' => {
                    let items = self.since_mark()?;
                    self.set(items)?;
                }
                b'c' => {
                    let names = [self.line()?, self.line()?];
                    self.stack.push(Value::Global(names.join(".").into()));
                }
                0x93 => match &self.pops(2)?[..] {
                    [Value::Text(module), Value::Text(name)] => {
                        let global = format!("{module}.{name}");
                        self.stack.push(Value::Global(global.into()));
                    }
                    _ => return Err("a name is no text".into()),
                },
                b'R' | 0x81 => self.call()?,
                0x92 => {
                    self.pop()?; // arguments by name
                    self.call()?;
                }
                b'Q' => {
                    let Value::List(key) = self.pop()? else {
                        return Err("a key is no tuple".into());
                    };
                    self.stack.push(Value::Persistent(key));
                }
                other => return Err(format!("the step {other:#04x} is not one of weights")),
            }
        }
    }

    fn take(&mut self, n: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len()).ok_or(CUT)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// A whole number of `n` bytes, the lowest first.
    fn length(&mut self, n: usize) -> Result<usize, String> {
        let bytes = self.take(n)?.iter().rev();
        let length = bytes.fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        usize::try_from(length).map_err(|_| CUT.to_owned())
    }

    fn unsigned(&mut self, n: usize) -> Result<(), String> {
        let value = self.length(n)?;
        self.stack.push(Value::Int(value as i64));
        Ok(())
    }

    /// A signed number; one that is too long for us is none of a weight's.
    fn int(&mut self, n: usize) -> Result<(), String> {
        let bytes = self.take(n)?;
        let negative = bytes.last().is_some_and(|byte| byte >> 7 == 1);
        let fill = if negative { -1i64 } else { 0 };
        let value = bytes.iter().rev().fold(fill, |sum, byte| sum << 8 | i64::from(*byte));
        self.stack.push(if n > 8 { Value::Other } else { Value::Int(value) });
        Ok(())
    }

    fn skip(&mut self, n: usize) -> Result<(), String> {
        self.take(n)?;
        self.stack.push(Value::Other);
        Ok(())
    }

    fn skip_long(&mut self, of_length: usize) -> Result<(), String> {
        let n = self.length(of_length)?;
        self.skip(n)
    }

    fn text(&mut self, of_length: usize) -> Result<(), String> {
        let n = self.length(of_length)?;
        let text = std::str::from_utf8(self.take(n)?).map_err(|_| "a text is not UTF-8")?;
        let text = Value::Text(text.into());
        self.stack.push(text);
        Ok(())
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let n = rest.iter().position(|byte| *byte == b'\n').ok_or(CUT)?;
        let line = std::str::from_utf8(&rest[..n]).map_err(|_| "a name is not UTF-8")?;
        self.at += n + 1;
        Ok(line.to_owned())
    }

    fn pop(&mut self) -> Result<Value, String> {
        // What lies below a mark is not taken before the mark is.
        let bottom = self.marks.last().copied().unwrap_or_default();
        match self.stack.len() > bottom {
            true => self.stack.pop().ok_or_else(|| EMPTY.into()),
            false => Err(EMPTY.into()),
        }
    }

    fn pops(&mut self, n: usize) -> Result<Vec<Value>, String> {
        let mut items = (0..n).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(items)
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, String> {
        let mark = self.marks.pop().ok_or(EMPTY)?;
        Ok(self.stack.split_off(mark))
    }

    fn list(&mut self, items: Vec<Value>) {
        self.stack.push(Value::List(self.pickle.lists.len()));
        self.pickle.lists.push(items);
    }

    fn dict(&mut self, items: Vec<(Value, Value)>) {
        self.stack.push(Value::Dict(self.pickle.dicts.len()));
        self.pickle.dicts.push(items);
    }

    fn remember_by(&mut self, of_length: usize) -> Result<(), String> {
        let name = self.length(of_length)?;
        self.remember(name)
    }

    fn remember(&mut self, name: usize) -> Result<(), String> {
        let value = self.stack.last().ok_or(EMPTY)?.clone();
        self.memo.insert(name, value);
        Ok(())
    }

    fn recall(&mut self, of_length: usize) -> Result<(), String> {
        let name = self.length(of_length)?;
        let value = self.memo.get(&name).ok_or("something is recalled that was not there")?;
        self.stack.push(value.clone());
        Ok(())
    }

    /// Adds to the list on top; other objects keep what is added to themselves.
    fn append(&mut self, items: Vec<Value>) -> Result<(), String> {
        if let Value::List(at) = self.stack.last().ok_or(EMPTY)? {
            self.pickle.lists[*at].extend(items);
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<Value>) -> Result<(), String> {
        if let Value::Dict(at) = self.stack.last().ok_or(EMPTY)? {
            self.pickle.dicts[*at].extend(pairs(items));
        }
        Ok(())
    }

    /// An ordered dictionary is one; anything else is left to the reader.
    fn call(&mut self) -> Result<(), String> {
        let [function, arguments] = <[Value; 2]>::try_from(self.pops(2)?).map_err(|_| EMPTY)?;
        match (function, arguments) {
            (Value::Global(name), _) if DICTS.contains(&&*name) => self.dict(Vec::new()),
            (Value::Global(name), Value::List(at)) => self.stack.push(Value::Call(name, at)),
            // A class of before PyTorch 1.6, which stands beside its source.
            (Value::Persistent(key), Value::List(at)) => {
                let class = self.pickle.lists[key].iter().find_map(|value| match value {
                    Value::Global(class) => Some(class.clone()),
                    _ => None,
                });
                let call = class.map_or(Value::Other, |class| Value::Call(class, at));
                self.stack.push(call);
            }
            _ => self.stack.push(Value::Other),
        }
        Ok(())
    }
}

fn pairs(items: Vec<Value>) -> Vec<(Value, Value)> {
    let (mut pairs, mut items) = (Vec::with_capacity(items.len() / 2), items.into_iter());
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], reason: &str) {
        assert_eq!(read(bytes).unwrap_err(), reason);
    }

    /// `{"a": [1, -2, 300], "b": os.system("ls")}`
    #[test]
    fn calls_are_read_and_not_made() {
        let bytes = b"\x80\x02}q\x00(X\x01\0\0\0a]q\x01(K\x01J\xfe\xff\xff\xffM\x2c\x01e\
            X\x01\0\0\0bcos\nsystem\nX\x02\0\0\0ls\x85Ru.rest";
        let (pickle, value, length) = read(bytes).unwrap();
        assert_eq!((value, length), (Value::Dict(0), bytes.len() - 4));
        let text = |text: &str| Value::Text(text.into());
        let call = Value::Call("os.system".into(), 1);
        assert_eq!(pickle.dicts, [[(text("a"), Value::List(0)), (text("b"), call)]]);
        let numbers = [1, -2, 300].map(Value::Int).to_vec();
        assert_eq!(pickle.lists, [numbers, vec![text("ls")]]);
    }

    #[test]
    fn what_is_damaged_is_said() {
        check(b"", "the pickle ends too early, at byte 0");
        check(b"X\xff\xff\xff\x7fa", "the pickle ends too early, at byte 5");
        check(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "the pickle ends too early, at byte 9");
        check(b".", "the pickle takes more than it has, at byte 1");
        check(b"K\x01(0.", "the pickle takes more than it has, at byte 4");
        check(b"h\x07.", "something is recalled that was not there, at byte 2");
        check(b"i", "the step 0x69 is not one of weights, at byte 1");
        // Lists in lists, as deep as the file is long.
        let deep = [vec![b']'; 100_000], vec![b'a'; 99_999], vec![b'.']].concat();
        assert_eq!(read(&deep).unwrap().1, Value::List(0));
    }

    #[test]
    fn long_numbers_are_signed() {
        for (bytes, value) in [
            (&b"\x8a\x00."[..], Value::Int(0)),
            (b"\x8a\x01\xff.", Value::Int(-1)),
            (b"\x8a\x02\xff\x00.", Value::Int(255)),
            (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.", Value::Other),
        ] {
            assert_eq!(read(bytes).unwrap().1, value);
        }
    }
}
