use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

use tokio::sync::watch;

use super::*;

fn policy() -> BackoffPolicy {
    BackoffPolicy::new(Duration::from_millis(250), Duration::from_mins(1)).unwrap()
}

fn supervisor() -> (Supervisor, CancellationToken) {
    let stop = CancellationToken::new();
    (Supervisor::new(policy(), stop.clone()), stop)
}

fn in_ten_seconds() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Collects what `on_failure` is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Failure>>>);

impl Told {
    fn listener(&self) -> impl Fn(&Failure) + Send + 'static {
        let told = self.clone();
        move |failure| told.0.lock().unwrap().push(failure.clone())
    }

    fn failures(&self) -> Vec<Failure> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_started_again_after_growing_waits_until_it_holds() {
    let (mut supervisor, stop) = supervisor();
    let (starts, mut started) = watch::channel(0_u32);
    let told = Told::default();
    let until = stop.clone();
    let began = Instant::now();
    supervisor.supervise(
        "metrics",
        move || {
            starts.send_modify(|n| *n += 1);
            let (attempt, until) = (*starts.borrow(), until.clone());
            async move {
                assert!(attempt > 8, "attempt {attempt} fails");
                until.cancelled().await;
            }
        },
        told.listener(),
    );
    started.wait_for(|n| *n == 9).await.unwrap();

    let failures = told.failures();
    assert_eq!(failures.len(), 8);
    assert_eq!(failures[0].reason, "it panicked: attempt 1 fails");
    let waited: Duration = failures.iter().map(|failure| failure.again_in).sum();
    assert!(began.elapsed() >= waited, "{:?} < {waited:?}", began.elapsed());
    assert!(failures.iter().all(|failure| failure.again_in > Duration::ZERO), "no busy loop");
    assert!(failures.iter().all(|failure| failure.again_in <= Duration::from_mins(1)));

    assert!(supervisor.liveness().load(Ordering::Relaxed), "a failing task is no failure of the supervisor");
    stop.cancel();
    assert_eq!(supervisor.finish(in_ten_seconds()).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ran_well_for_a_while_starts_from_the_shortest_wait_again() {
    let (mut supervisor, stop) = supervisor();
    let (starts, mut started) = watch::channel(0_u32);
    let told = Told::default();
    supervisor.supervise(
        "metrics",
        move || {
            starts.send_modify(|n| *n += 1);
            let attempt = *starts.borrow();
            async move {
                if attempt == 12 {
                    tokio::time::sleep(RAN_WELL).await;
                }
                panic!("fails");
            }
        },
        told.listener(),
    );
    started.wait_for(|n| *n == 13).await.unwrap();
    let last = told.failures()[11].again_in;
    assert!(last <= Duration::from_millis(250), "{last:?}");
    stop.cancel();
    supervisor.finish(in_ten_seconds()).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_again_and_again_never_disturbs_another() {
    let (mut supervisor, stop) = supervisor();
    let told = Told::default();
    supervisor.supervise("broken", || async { panic!("always") }, told.listener());
    let (ticks, mut ticked) = watch::channel(0_u32);
    let (starts, until) = (Arc::new(AtomicU32::new(0)), stop.clone());
    let count = Arc::clone(&starts);
    let healthy = Told::default();
    supervisor.supervise(
        "healthy",
        move || {
            count.fetch_add(1, Ordering::Relaxed);
            let (ticks, until) = (ticks.clone(), until.clone());
            async move {
                while !until.is_cancelled() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    ticks.send_modify(|n| *n += 1);
                }
            }
        },
        healthy.listener(),
    );
    let began = Instant::now();
    ticked.wait_for(|n| *n == 600).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_mins(1), "it ticked without a pause");
    assert_eq!(starts.load(Ordering::Relaxed), 1);
    assert!(!told.failures().is_empty() && healthy.failures().is_empty());
    stop.cancel();
    assert_eq!(supervisor.finish(in_ten_seconds()).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_stop_in_time_is_named_and_ended() {
    let (mut supervisor, stop) = supervisor();
    let until = stop.clone();
    supervisor.supervise("quick", move || until.clone().cancelled_owned(), |_| {});
    let lives = watch::Sender::new(());
    let sender = lives.clone();
    supervisor.supervise(
        "stuck",
        move || {
            let life = sender.subscribe();
            async move {
                std::future::pending::<()>().await;
                drop(life);
            }
        },
        |_| {},
    );
    tokio::task::yield_now().await;
    stop.cancel();
    let began = Instant::now();
    assert_eq!(supervisor.finish(in_ten_seconds()).await, ["stuck"]);
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    lives.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_before_a_new_start_at_once() {
    let (mut supervisor, stop) = supervisor();
    let (failed, mut failures) = watch::channel(0_u32);
    supervisor.supervise(
        "broken",
        || async { panic!("always") },
        move |_| {
            failed.send_modify(|n| *n += 1);
        },
    );
    failures.wait_for(|n| *n == 10).await.unwrap();
    stop.cancel();
    let began = Instant::now();
    assert_eq!(supervisor.finish(in_ten_seconds()).await, Vec::<String>::new());
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_asked_for_is_a_failure_too() {
    let (mut supervisor, stop) = supervisor();
    let (failed, mut failures) = watch::channel(String::new());
    supervisor.supervise(
        "short",
        || async {},
        move |f| {
            failed.send_replace(f.reason.clone());
        },
    );
    failures.changed().await.unwrap();
    assert_eq!(*failures.borrow(), "it ended without being asked to");
    stop.cancel();
    supervisor.finish(in_ten_seconds()).await;
}

#[tokio::test(start_paused = true)]
async fn a_supervision_that_fails_itself_shows_in_the_liveness() {
    let (mut supervisor, stop) = supervisor();
    let alive = supervisor.liveness();
    supervisor.supervise("broken", || async { panic!("always") }, |_| panic!("the supervision"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!alive.load(Ordering::Relaxed));
    stop.cancel();
    assert_eq!(supervisor.finish(in_ten_seconds()).await, Vec::<String>::new());
}

#[test]
fn the_reason_of_a_panic_stops_where_data_may_begin() {
    let reason = |text: String| panic_reason(&text as &(dyn Any + Send));
    assert_eq!(
        reason("index out of bounds: the len is 3 but the index is 5".to_owned()),
        "it panicked: index out of bounds: the len is 3 but the index is 5"
    );
    assert_eq!(
        reason("end byte index 1 is not a char boundary; it is inside 'é' of `a payload`".to_owned()),
        "it panicked: end byte index 1 is not a char boundary; it is inside …"
    );
    assert_eq!(reason("decoding: [104, 105]".to_owned()), "it panicked: decoding: …");
    assert_eq!(panic_reason(&"written (in the code)"), "it panicked: written (in the code)");
    assert_eq!(panic_reason(&7_u8), "it panicked");
}
