use super::*;

const FRAMES: [&[u8]; 3] = [b"first", b"", b"the third one"];

/// A file of these frames, its bytes, and where each frame ends.
fn written(path: &Path) -> (Vec<u8>, Vec<usize>) {
    let mut file = FrameFile::create(path).unwrap();
    let mut ends = vec![FILE_HEAD];
    for frame in FRAMES {
        let (first, second) = frame.split_at(frame.len() / 2);
        file.append(first, second).unwrap();
        ends.push(usize::try_from(file.length()).unwrap());
    }
    (fs::read(path).unwrap(), ends)
}

fn read(path: &Path) -> Result<(FrameFile, Vec<Vec<u8>>), DataDirError> {
    let mut frames = Vec::new();
    let file = FrameFile::open(path, |_, frame| {
        frames.push(frame);
        Ok(())
    })?;
    Ok((file, frames))
}

#[test]
fn wherever_a_file_ends_the_whole_frames_are_there_and_more_can_be_appended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let (bytes, ends) = written(&path);
    for length in 0..=bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let (mut file, frames) = read(&path).unwrap();
        let whole = ends[1..].iter().filter(|&&end| end <= length).count();
        assert_eq!(frames, FRAMES[..whole], "{length}");
        file.append(b"more", b"").unwrap();
        let (_, frames) = read(&path).unwrap();
        assert_eq!(frames, [&FRAMES[..whole], &[b"more"]].concat(), "{length}");
    }
}

#[test]
fn a_byte_that_has_changed_is_found_but_in_the_last_frame_which_may_be_torn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let (bytes, ends) = written(&path);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let frame = ends.iter().rposition(|&end| end <= at);
        match (read(&path), frame) {
            (Err(DataDirError::Damaged { path: named, offset, .. }), Some(frame)) => {
                assert_eq!((&named, offset), (&path, ends[frame] as u64), "{at}");
                assert_eq!(fs::read(&path).unwrap(), changed, "it is left as it is");
            }
            (Err(DataDirError::Damaged { offset: 0, .. } | DataDirError::Newer { .. }), None) => {}
            (Ok((_, frames)), Some(2)) => {
                assert!(at >= ends[2] + FRAME_HEAD, "{at}");
                assert_eq!(frames, FRAMES[..2], "{at}");
            }
            (other, _) => panic!("{at}: {other:?}"),
        }
    }
}

#[test]
fn room_that_was_never_filled_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let (bytes, _) = written(&path);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for more in [1, 11, 12, 5000] {
        file.set_len(bytes.len() as u64 + more).unwrap();
        assert_eq!(read(&path).unwrap().1, FRAMES, "{more}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{more}");
    }
}

#[test]
fn a_newer_format_and_what_is_no_such_file_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let (mut bytes, _) = written(&path);
    bytes[MAGIC.len()] += 1;
    fs::write(&path, &bytes).unwrap();
    let refused = read(&path).unwrap_err();
    assert!(matches!(refused, DataDirError::Newer { found: 2, known: FORMAT, .. }), "{refused}");
    fs::write(&path, "some notes of somebody").unwrap();
    let refused = read(&path).unwrap_err().to_string();
    assert!(refused.contains("offset 0: this is no file of an emulator"), "{refused}");
}

#[test]
fn a_closed_file_is_opened_again_when_it_is_written_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let mut file = FrameFile::create(&path).unwrap();
    for frame in FRAMES {
        file.close();
        file.append(frame, b"").unwrap();
    }
    assert_eq!(read(&path).unwrap().1, FRAMES);
}
