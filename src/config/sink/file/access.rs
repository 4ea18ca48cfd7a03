//! To whom files belong, and who may do what with them.

use nix::unistd::{Group, User};

use super::super::super::{InvalidValue, section::Section};

/// To whom the files and directories of a sink belong, and who may do what with them; `None` leaves it to the operating
/// system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileAccess {
    /// The permissions of a file.
    pub mode: Option<u32>,
    /// The permissions of a directory.
    pub directory_mode: Option<u32>,
    /// The number of the user.
    pub owner: Option<u32>,
    /// The number of the group.
    pub group: Option<u32>,
}

pub(super) fn read(section: &mut Section<'_>) -> FileAccess {
    FileAccess {
        mode: section.parsed("mode", |text| permissions(text, 0o600, "0640")),
        directory_mode: section.parsed("directory_mode", |text| permissions(text, 0o700, "0750")),
        owner: section.parsed("owner", |name| {
            let found = User::from_name(name).map(|found| found.map(|user| user.uid.as_raw()));
            number_of(name, "user", found)
        }),
        group: section.parsed("group", |name| {
            let found = Group::from_name(name).map(|found| found.map(|group| group.gid.as_raw()));
            number_of(name, "group", found)
        }),
    }
}

/// Permissions in octal, of which the owner needs `least`.
fn permissions(text: &str, least: u32, example: &str) -> Result<u32, InvalidValue> {
    let hint = format!("permissions in octal, as in \"{example}\"");
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let Some(mode) = u32::from_str_radix(text, 8).ok().filter(|_| is_octal) else {
        return Err(InvalidValue::new("are no permissions", hint));
    };
    if mode & least != least {
        return Err(InvalidValue::new("would keep the daemon itself out", hint));
    }
    Ok(mode)
}

/// The number of a name, which may be a number itself.
fn number_of(name: &str, kind: &str, found: nix::Result<Option<u32>>) -> Result<u32, InvalidValue> {
    match found {
        Ok(Some(number)) => Ok(number),
        Ok(None) => name.parse().map_err(|_| {
            InvalidValue::new(
                format!("is no {kind} of this machine"),
                format!("the name or number of a {kind}"),
            )
        }),
        Err(error) => {
            let what = format!("cannot be looked up among the {kind}s of this machine: {error}");
            Err(InvalidValue::new(what, format!("the number of the {kind}, which needs no look")))
        }
    }
}
