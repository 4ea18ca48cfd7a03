use super::*;

const DAY: Duration = Duration::from_hours(24);

#[test]
fn a_token_is_got_again_while_the_certificate_still_holds_and_never_after() {
    let now = SystemTime::now();
    assert_eq!(renewal(now, 100 * DAY), Some(now + 90 * DAY));
    assert_eq!(renewal(now, 10 * DAY), Some(now + 9 * DAY));
    assert_eq!(renewal(now, Duration::from_secs(1)), Some(now + RENEW_AGAIN), "not again and again");
    assert_eq!(renewal(now, Duration::ZERO), None);
    assert_eq!(renewal(now, Duration::MAX), None);
}
