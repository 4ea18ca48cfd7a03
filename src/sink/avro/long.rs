//! Numbers as Avro writes them: seven bits a byte, the lowest first, the sign in the lowest bit of all.

/// Why bytes do not begin with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLong {
    /// They end before it does.
    Short,
    /// It has more than 64 bits.
    Wide,
}

/// The number that `bytes` begin with, and how many of them it takes.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Result<(i64, usize), NoLong> {
    let mut bits = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if index == 9 && *byte > 1 {
            return Err(NoLong::Wide);
        }
        bits |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            return Ok(((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed(), index + 1));
        }
    }
    Err(NoLong::Short)
}

/// Appends a length or a count.
pub(super) fn write(length: usize, out: &mut Vec<u8>) {
    let mut bits = (length as u64) << 1;
    while bits >= 0x80 {
        out.push(bits.to_le_bytes()[0] | 0x80);
        bits >>= 7;
    }
    out.push(bits.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_specified() {
        for (bytes, expected) in [
            (&[0][..], Ok((0, 1))),
            (&[1], Ok((-1, 1))),
            (&[2, 9], Ok((1, 1))),
            (&[0x7f], Ok((-64, 1))),
            (&[0x80, 1], Ok((64, 2))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Ok((i64::MIN, 10))),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Ok((i64::MAX, 10))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], Err(NoLong::Wide)),
            (&[0x80; 11], Err(NoLong::Wide)),
            (&[0x80; 9], Err(NoLong::Short)),
            (&[], Err(NoLong::Short)),
        ] {
            assert_eq!(read(bytes), expected, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(length in 0..usize::MAX / 2) {
            let mut bytes = Vec::new();
            write(length, &mut bytes);
            prop_assert_eq!(read(&bytes), Ok((i64::try_from(length).unwrap(), bytes.len())));
        }
    }
}
