use std::io::Write;

use super::*;

fn file_of(bytes: &[u8]) -> (File, u64) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    (file, bytes.len() as u64)
}

fn found(bytes: &[u8]) -> Beginning {
    let (file, size) = file_of(bytes);
    read(&file, size).unwrap()
}

#[test]
fn a_header_is_read_as_it_was_written_and_torn_it_is_said_to_be() {
    for doc in [1, 100_000] {
        let schema = format!(r#"{{"type":"fixed","name":"f","size":4,"doc":"{}"}}"#, "x".repeat(doc));
        let schema = AvroSchema::parse(&schema).unwrap();
        let bytes = of(&schema, Codec::Deflate, &[7; 16]);
        for more in ["", "\0\0"] {
            assert_eq!(
                found(&[&bytes, more.as_bytes()].concat()),
                Beginning::Header(Header {
                    schema: schema.text().into(),
                    codec: b"deflate".to_vec(),
                    marker: [7; 16],
                    length: bytes.len() as u64
                })
            );
        }
        for cut in (0..bytes.len()).step_by(if doc == 1 { 1 } else { 5000 }) {
            assert_eq!(found(&bytes[..cut]), Beginning::Torn, "{cut}");
        }
    }
}

#[test]
fn a_header_of_others_may_be_in_pieces_and_without_a_codec() {
    let bytes = b"Obj\x01\x01\x1a\x16avro.schema\x0c\"null\"\x02\x06key\x02v\x00MMMMMMMMMMMMMMMM";
    let Beginning::Header(header) = found(bytes) else { panic!("no header") };
    assert_eq!(
        (&header.schema[..], &header.codec[..], header.marker),
        (&b"\"null\""[..], &b"null"[..], [b'M'; 16])
    );
}

#[test]
fn what_is_no_file_of_objects_is_not_taken_for_a_torn_one() {
    for bytes in [&b"{\"messageId\":\"1\"}\n"[..], b"Obk", b"\0\0\0\0", b"Obj\x01\x02\x01"] {
        assert_eq!(found(bytes), Beginning::Other, "{bytes:x?}");
    }
}

#[test]
fn the_last_whole_block_is_found_wherever_the_file_is_torn() {
    let schema = AvroSchema::parse("\"bytes\"").unwrap();
    let marker = [9; 16];
    let mut bytes = of(&schema, Codec::Null, &marker);
    let mut ends = vec![bytes.len()];
    for size in [0, 1, 63, 64, 300, 20_000] {
        long::write(1, &mut bytes);
        long::write(size, &mut bytes);
        bytes.extend(vec![9; size]);
        bytes.extend(marker);
        ends.push(bytes.len());
    }
    for cut in ends[0]..=bytes.len() {
        let last = ends.iter().rev().find(|end| **end <= cut).unwrap();
        // Data like the marker are a whole block only to one who looks at the end alone.
        if cut == *last || bytes[cut - 16..cut] != marker {
            let (file, size) = file_of(&bytes[..cut]);
            let Beginning::Header(header) = read(&file, size).unwrap() else { panic!("no header") };
            assert_eq!(header.end_of_blocks(&file, size).unwrap(), *last as u64, "{cut}");
        }
    }
}
