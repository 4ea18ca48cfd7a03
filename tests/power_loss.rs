//! A power loss at any moment of a run, with what was not synced by then dropped, kept or torn, costs no message and
//! doubles none in a file. Every sync is needed for that: without any one of them it is not so.
//!
//! The run is recorded by strace. What may be on the disk is put there, the service is told what it had been told, and a
//! daemon goes on from it. `AMS_POWER_LOSSES` is the number of power losses, or `all`.

mod disk;

use std::fs::OpenOptions;
use std::io::Write;

use crate::common::{
    Config, Delivered, Forwarder, Home, Launch, Service, eventually, file_sink, strace_works, trace,
};
use disk::{Fate, Fates, Purpose, Recording, Remains};

const STRACE: [&str; 7] = [
    "strace",
    "--follow-forks",
    "--absolute-timestamps=unix,us",
    "--decode-fds=path",
    "--string-limit=100000",
    "--quiet=all",
    "--trace=openat,rename,renameat,renameat2,write,ftruncate,fsync,fdatasync,sendto,sendmsg,writev",
];

const BATCH: u64 = 4;
const BATCHES: u64 = 6;
const END: u64 = BATCH * BATCHES;

const FATES: [Fates; 6] = {
    use Fate::{Dropped, Kept, Torn};
    [
        Fates { data: Dropped, journal: Dropped, names: Dropped },
        Fates { data: Kept, journal: Kept, names: Kept },
        Fates { data: Kept, journal: Dropped, names: Kept },
        Fates { data: Dropped, journal: Kept, names: Kept },
        Fates { data: Kept, journal: Kept, names: Dropped },
        Fates { data: Torn, journal: Torn, names: Torn },
    ]
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_loss_at_any_moment_loses_nothing_and_doubles_nothing_in_a_file() {
    let Some(scene) = Scene::record().await else { return };
    let mut cases: Vec<_> =
        scene.recording.moments.iter().flat_map(|moment| FATES.map(|fates| (*moment, fates))).collect();
    let wanted = std::env::var("AMS_POWER_LOSSES").unwrap_or_else(|_| "40".to_owned());
    let seed = std::env::var("AMS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    println!("AMS_TEST_SEED={seed}: {wanted} of {} power losses", cases.len());
    if let Ok(wanted) = wanted.parse() {
        random.shuffle(&mut cases);
        cases.truncate(wanted);
    }
    for (moment, fates) in cases {
        let remains = scene.recording.remains(moment, fates, None, &mut random);
        println!("{moment} {fates:?}: told {}, {:?}", remains.told, remains.files.keys());
        scene.goes_on_from(&remains).await.assert_exactly(END);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_one_of_its_syncs_a_power_loss_can_lose_or_double_a_message() {
    let Some(scene) = Scene::record().await else { return };
    let syncs = scene.recording.syncs();
    assert_eq!(syncs.len(), 6, "{syncs:?}");
    let mut random = fastrand::Rng::with_seed(7);
    for sync in syncs {
        // The way to lose that shows it.
        let fates = match sync {
            Purpose::Data => FATES[3],
            Purpose::NameOfTheFile | Purpose::NameOfTheJournal => FATES[4],
            Purpose::Intent | Purpose::Commit | Purpose::NewJournal => FATES[2],
        };
        let mut shown = false;
        for moment in &scene.recording.moments {
            let remains = scene.recording.remains(*moment, fates, Some(sync), &mut random);
            let delivered = scene.goes_on_from(&remains).await;
            if delivered.numbers != (0..END).collect::<Vec<_>>() || !delivered.torn.is_empty() {
                shown = true;
                break;
            }
        }
        assert!(shown, "the sync {sync:?} is of no use, or this test sees too little");
    }
}

/// A recorded run of two daemons, one after the other, that have delivered all messages, and rotated the file. Between the
/// two somebody else rotated it.
struct Scene {
    service: Service,
    home: Home,
    config: Config,
    recording: Recording,
}

impl Scene {
    /// `None` where there is no strace.
    async fn record() -> Option<Self> {
        if !strace_works() {
            return None;
        }
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let settings = format!("max_messages = {BATCH}");
        // So that the daemon rotates the file before every second batch.
        let sink = format!("{}rotate = {{ size = \"8KiB\" }}\n", file_sink("a", &home.out("a")));
        let config = Config::new(&home, &service.endpoint()).subscription("a", &settings, &sink);
        let mut text = String::new();
        for run in 0..2 {
            let output = format!("--output=trace{run}");
            let mut forwarder = Launch::new(&home).under(STRACE.into_iter().chain([&*output])).start(&config);
            forwarder.is_up().await;
            for batch in run * BATCHES / 2..(run + 1) * BATCHES / 2 {
                service.publish_sized("a", batch * BATCH..(batch + 1) * BATCH, 700).await;
                let end = (batch + 1) * BATCH;
                eventually("the acknowledgement", async || service.is_acknowledged_to("a", end).await).await;
            }
            let signal = [rustix::process::Signal::TERM, rustix::process::Signal::KILL];
            forwarder.signal(signal[usize::try_from(run).unwrap()]).await;
            forwarder.wait(crate::common::PATIENCE).await;
            text += &String::from_utf8_lossy(&std::fs::read(home.path(&format!("trace{run}"))).unwrap());
            if run == 0 {
                text += &rotate(&home);
            }
        }
        let recording = Recording::of(&trace::parse(&text).unwrap(), &home.dir().display().to_string());
        // Inodes are part of what is put back.
        for (path, inode) in recording.names.iter().filter(|(path, _)| path.contains(".jsonl")) {
            std::fs::hard_link(path, home.path(&format!("inode{inode}"))).unwrap();
        }
        Some(Self { service, home, config, recording })
    }

    /// What is in the files in the end when a daemon starts on these remains.
    async fn goes_on_from(&self, remains: &Remains) -> Delivered {
        for directory in ["out", "state/ledger"] {
            std::fs::remove_dir_all(self.home.path(directory)).unwrap();
            std::fs::create_dir(self.home.path(directory)).unwrap();
        }
        for (path, (inode, content)) in &remains.files {
            let _ = std::fs::hard_link(self.home.path(&format!("inode{inode}")), path);
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
            file.write_all(content).unwrap();
        }
        self.service.seek("a", remains.told).await;
        let forwarder = Forwarder::start(&self.home, &self.config);
        let all = async || self.service.is_acknowledged_to("a", END).await;
        eventually("the rest to be acknowledged", all).await;
        forwarder.is("a", "running").await;
        forwarder.stop().await;
        Delivered::in_directory(&self.home.path("out"))
    }
}

/// Rotates the file while no daemon runs. The lines of a trace of that.
fn rotate(home: &Home) -> String {
    let (from, to) = (home.out("a"), home.path("out/a.jsonl.1"));
    std::fs::rename(&from, &to).unwrap();
    let (from, to, out) = (from.display(), to.display(), home.path("out"));
    format!("1 1.1 rename(\"{from}\", \"{to}\") = 0\n1 1.2 fsync(3<{}>) = 0\n", out.display())
}
