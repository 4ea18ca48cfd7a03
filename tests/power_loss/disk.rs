//! What may be on a disk after a power loss at any moment of a recorded run: what was synced, and of the rest anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::common::trace::Call;

/// A call that changes a disk, makes a change durable, or tells the service; from line `begin` to line `end` of the trace.
#[derive(Debug)]
struct Step {
    begin: usize,
    end: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A name of an inode that was made, or moved here from another name.
    Name {
        path: String,
        inode: usize,
        from: Option<String>,
    },
    Write {
        inode: usize,
        at: u64,
        data: Vec<u8>,
    },
    Cut {
        inode: usize,
        length: u64,
    },
    Sync {
        inode: usize,
        of: Purpose,
    },
    SyncDirectory {
        path: String,
        of: Purpose,
    },
    /// The service was told that all before this is acknowledged.
    Told {
        end: u64,
    },
}

/// What a sync is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    Data,
    NameOfTheFile,
    Intent,
    Commit,
    NewJournal,
    NameOfTheJournal,
}

/// What becomes of changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Dropped,
    /// Some are dropped, one is there in part.
    Torn,
}

/// What becomes of those in output files, in the journal, and of new names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fates {
    pub(crate) data: Fate,
    pub(crate) journal: Fate,
    pub(crate) names: Fate,
}

/// A recorded run.
#[derive(Debug)]
pub(crate) struct Recording {
    steps: Vec<Step>,
    /// The lines before which something may be different.
    pub(crate) moments: Vec<usize>,
    /// The names at the end, and their inodes.
    pub(crate) names: BTreeMap<String, usize>,
}

/// What a disk holds, and how far the service was told.
#[derive(Debug)]
pub(crate) struct Remains {
    /// By path, the number of the inode and its content.
    pub(crate) files: BTreeMap<PathBuf, (usize, Vec<u8>)>,
    pub(crate) told: u64,
}

impl Recording {
    /// Of what was done below `root`. The journal is what is called so.
    pub(crate) fn of(calls: &[Call], root: &str) -> Self {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        let mut lengths: Vec<u64> = Vec::new();
        let mut steps = Vec::new();
        let below = |path: &str| path.starts_with(root) && (is_journal(path) || path.contains(".jsonl"));
        for call in calls.iter().filter(|call| call.succeeded) {
            let on = call.descriptor().filter(|path| below(path)).and_then(|path| names.get(path).copied());
            let path = call.descriptor().unwrap_or_default();
            let what = match call.name.as_str() {
                "openat" if call.arguments.contains("O_CREAT") => {
                    let Some(path) = call.quoted().filter(|path| below(path)) else { continue };
                    if names.contains_key(path) {
                        continue;
                    }
                    let inode = lengths.len();
                    lengths.push(0);
                    names.insert(path.to_owned(), inode);
                    What::Name { path: path.to_owned(), inode, from: None }
                }
                "rename" | "renameat" | "renameat2" => {
                    let mut paths = call.arguments.split('"').skip(1).step_by(2).map(ToOwned::to_owned);
                    let (Some(from), Some(path)) = (paths.next(), paths.next()) else { continue };
                    let Some(inode) = names.remove(&from) else { continue };
                    names.insert(path.clone(), inode);
                    What::Name { path, inode, from: Some(from) }
                }
                "write" => {
                    let Some(inode) = on else { continue };
                    let data = call.data();
                    let at = lengths[inode];
                    lengths[inode] += data.len() as u64;
                    What::Write { inode, at, data }
                }
                "ftruncate" => {
                    let Some(inode) = on else { continue };
                    lengths[inode] = call.number().unwrap();
                    What::Cut { inode, length: lengths[inode] }
                }
                "fsync" | "fdatasync" => match on {
                    Some(inode) if extension(path) == "new" => What::Sync { inode, of: Purpose::NewJournal },
                    Some(inode) if is_journal(path) => What::Sync { inode, of: Purpose::Intent },
                    Some(inode) => What::Sync { inode, of: Purpose::Data },
                    None if path.starts_with(root) => {
                        let of = if path.ends_with("/ledger") {
                            Purpose::NameOfTheJournal
                        } else {
                            Purpose::NameOfTheFile
                        };
                        What::SyncDirectory { path: path.to_owned(), of }
                    }
                    None => continue,
                },
                _ if call.arguments.contains(":acknowledge HTTP/1.1") => {
                    What::Told { end: call.acknowledged().unwrap() + 1 }
                }
                _ => continue,
            };
            steps.push(Step { begin: call.begin, end: call.end, what });
        }
        tell_commits_from_intents(&mut steps);
        let mut moments: Vec<_> = steps.iter().flat_map(|step| [step.begin, step.end + 1]).collect();
        moments.sort_unstable();
        moments.dedup();
        Self { steps, moments, names }
    }

    /// Which kinds of syncs there are.
    pub(crate) fn syncs(&self) -> std::collections::BTreeSet<Purpose> {
        self.steps.iter().filter_map(|step| step.what.sync()).collect()
    }

    /// What a power loss just before line `moment` leaves, as if no sync of the kind `without` had been there.
    pub(crate) fn remains(
        &self,
        moment: usize,
        fates: Fates,
        without: Option<Purpose>,
        random: &mut fastrand::Rng,
    ) -> Remains {
        let done = |step: &&Step| step.end < moment;
        let syncs: Vec<_> = self
            .steps
            .iter()
            .filter(done)
            .filter(|step| step.what.sync() != without || without.is_none())
            .collect();
        let is_synced = |step: &Step| {
            syncs.iter().any(|sync| {
                sync.begin > step.end
                    && match (&step.what, &sync.what) {
                        (What::Name { path, .. }, What::SyncDirectory { path: directory, .. }) => {
                            Path::new(path).parent() == Some(Path::new(directory))
                        }
                        (
                            What::Write { inode, .. } | What::Cut { inode, .. },
                            What::Sync { inode: of, .. },
                        ) => inode == of,
                        _ => false,
                    }
            })
        };
        let begun = self.steps.iter().filter(|step| step.begin < moment);
        let (mut names, mut contents, mut told) = (BTreeMap::new(), BTreeMap::<_, Vec<u8>>::new(), 0);
        let mut journals = std::collections::BTreeSet::new();
        for step in begun {
            let synced = is_synced(step);
            match &step.what {
                What::Name { path, inode, from } => {
                    if is_journal(path) {
                        journals.insert(*inode);
                    }
                    if synced || fates.names.keeps(random) {
                        names.insert(PathBuf::from(path), *inode);
                        if let Some(from) = from {
                            names.remove(Path::new(from));
                        }
                    }
                }
                What::Write { inode, at, data } => {
                    let fate = if journals.contains(inode) { fates.journal } else { fates.data };
                    let part = match fate {
                        _ if synced => data.len(),
                        Fate::Torn if random.bool() => random.usize(..data.len()),
                        fate if fate.keeps(random) => data.len(),
                        _ => continue,
                    };
                    let content = contents.entry(*inode).or_default();
                    let at = usize::try_from(*at).unwrap();
                    // What was dropped before something that is there reads as zeros.
                    content.resize(content.len().max(at + part), 0);
                    content[at..at + part].copy_from_slice(&data[..part]);
                }
                What::Cut { inode, length } => {
                    if synced || fates.data.keeps(random) {
                        contents.entry(*inode).or_default().truncate(usize::try_from(*length).unwrap());
                    }
                }
                What::Told { end } => {
                    // Of one that is under way nobody knows whether it arrived.
                    if step.end < moment || random.bool() {
                        told = *end;
                    }
                }
                What::Sync { .. } | What::SyncDirectory { .. } => {}
            }
        }
        let content = |(path, inode)| (path, (inode, contents.get(&inode).cloned().unwrap_or_default()));
        Remains { files: names.into_iter().map(content).collect(), told }
    }
}

impl What {
    fn sync(&self) -> Option<Purpose> {
        match self {
            Self::Sync { of, .. } | Self::SyncDirectory { of, .. } => Some(*of),
            _ => None,
        }
    }
}

impl Fate {
    fn keeps(self, random: &mut fastrand::Rng) -> bool {
        match self {
            Self::Kept => true,
            Self::Dropped => false,
            Self::Torn => random.bool(),
        }
    }
}

/// After an intent comes a write, after a commit an acknowledgement.
fn tell_commits_from_intents(steps: &mut [Step]) {
    let mut next_is_told = false;
    for step in steps.iter_mut().rev() {
        match &mut step.what {
            What::Told { .. } => next_is_told = true,
            What::Write { data, .. } if data.starts_with(b"{") => next_is_told = false,
            What::Sync { of, .. } if *of == Purpose::Intent && next_is_told => *of = Purpose::Commit,
            _ => {}
        }
    }
}

fn is_journal(path: &str) -> bool {
    matches!(extension(path), "journal" | "new")
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}
