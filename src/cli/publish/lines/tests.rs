use super::*;

/// Gives a piece with each read, as a pipe does.
struct Pieces(Vec<&'static str>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Ok(0);
        }
        let piece = self.0.remove(0).as_bytes();
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

fn lines<R: Read>(format: LineFormat, input: R) -> Lines<R> {
    let model = NewMessage::default().attribute("host", "a").unwrap();
    Lines { input: BufReader::new(input), format, model, line: Vec::new(), number: 0 }
}

/// The number of a batch's first line, and its payloads.
type Numbered = (u64, Vec<String>);

/// The batches, and how it ended.
fn all<R: Read>(format: LineFormat, input: R) -> (Vec<Numbered>, Result<(), String>) {
    let mut lines = lines(format, input);
    let mut batches = Vec::new();
    loop {
        let (batch, end) = lines.next_batch();
        if !batch.messages.is_empty() {
            let text = |message: &NewMessage| String::from_utf8(message.payload().to_vec()).unwrap();
            batches.push((batch.first, batch.messages.iter().map(text).collect()));
        }
        match end {
            Ok(true) => {}
            Ok(false) => return (batches, Ok(())),
            Err(error) => return (batches, Err(error.to_string())),
        }
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_there_goes_at_once_and_no_line_is_waited_for() {
    let input = Pieces(vec!["one\ntwo\nth", "ree\n", "\r\n\n", "four"]);
    let (batches, end) = all(LineFormat::Text, input);
    assert_eq!(end, Ok(()));
    let expected =
        [(1, texts(&["one", "two"])), (3, texts(&["three"])), (4, texts(&["\r", ""])), (6, texts(&["four"]))];
    assert_eq!(batches, expected);
}

#[test]
fn a_batch_has_so_many_lines_and_bytes_at_the_most() {
    let input = "x\n".repeat(2 * MOST_LINES + 1);
    let (batches, _) = all(LineFormat::Text, io::Cursor::new(input));
    // The buffer of the reader ends where it likes.
    assert!(batches.iter().all(|(_, lines)| lines.len() <= MOST_LINES));
    assert_eq!(batches.iter().map(|(_, lines)| lines.len()).sum::<usize>(), 2 * MOST_LINES + 1);
    let input = format!("{}\n", "x".repeat(MOST_BYTES - 1)).repeat(3);
    let (batches, _) = all(LineFormat::Text, io::Cursor::new(input));
    assert!(batches.iter().all(|(_, lines)| lines.len() <= 2), "{}", batches.len());
}

#[test]
fn a_line_that_is_none_ends_it_with_its_number_and_what_was_before_goes() {
    let input = concat!(r#"{"data":"one"}"#, "\n", "{\"data\":\"two\"}\n?\n{\"data\":\"four\"}\n");
    let (batches, end) = all(LineFormat::Jsonl, io::Cursor::new(input));
    assert_eq!(batches, [(1, texts(&["one", "two"]))]);
    assert_eq!(end.unwrap_err(), "line 3 of standard input: it is no JSON: see column 1");

    let endless = io::repeat(b'x');
    let (batches, end) = all(LineFormat::Text, endless);
    assert_eq!(batches, []);
    assert_eq!(end.unwrap_err(), "line 1 of standard input: it is longer than 4194304 bytes");
}

#[test]
fn attributes_of_the_line_win_over_those_for_all() {
    let input = concat!(r#"{"attributes":{"host":"b","k":"v"},"data":"x"}"#, "\n", r#"{"data":"y"}"#);
    let (batch, _) = lines(LineFormat::Jsonl, io::Cursor::new(input)).next_batch();
    let attributes = |index: usize| batch.messages[index].attributes().collect::<Vec<_>>();
    assert_eq!(attributes(0), [("host", "b"), ("k", "v")]);
    let (text, _) = lines(LineFormat::Text, io::Cursor::new("x\n")).next_batch();
    assert_eq!(text.messages[0].attributes().collect::<Vec<_>>(), [("host", "a")]);
}
