//! Lists that come by pages come whole as streams, however many pages they have.

use ams_forwarder::emulator::{Fault, Role};
use futures_util::StreamExt;

use crate::common::{Gate, PROJECT, Service, client_of};

#[tokio::test]
async fn every_list_comes_whole_over_all_its_pages() {
    let service = Service::start().await;
    let numbers = 0..250;
    for number in numbers.clone() {
        let name = format!("n{number}");
        service.emulator.create_topic(PROJECT, &name).unwrap();
        service.emulator.create_subscription(PROJECT, &name, &name).unwrap();
        service.emulator.create_member(PROJECT, &name, &[Role::Consumer]).unwrap();
    }
    let newest_first: Vec<String> = numbers.rev().map(|number| format!("n{number}")).collect();
    let gate = Gate::before(service.address).await;
    let client = client_of(&gate.endpoint());
    let topics = client.all_topics().collect().await.unwrap();
    assert_eq!(topics.iter().map(|topic| topic.name.to_string()).collect::<Vec<_>>(), newest_first);
    let subscriptions = client.all_subscriptions().map(|found| found.unwrap().name.to_string());
    assert_eq!(subscriptions.collect::<Vec<_>>().await, newest_first);
    assert_eq!(client.all_members().collect().await.unwrap().len(), 250);
    for project in [None, Some(client.project())] {
        assert_eq!(client.all_users(project).collect().await.unwrap().len(), 250);
    }
    assert_eq!(gate.requests("").len(), 5 * 3, "three pages of each");
}

#[tokio::test]
async fn an_error_is_the_last_item_and_comes_after_what_was_there() {
    let service = Service::start().await;
    for number in 0..101 {
        service.emulator.create_topic(PROJECT, &format!("n{number}")).unwrap();
    }
    let mut topics = service.client.all_topics();
    assert!(topics.next().await.unwrap().is_ok());
    service.emulator.inject(Fault::status(503).on("*/topics")).unwrap();
    let rest: Vec<_> = topics.map(|topic| topic.is_ok()).collect().await;
    assert_eq!(rest, [vec![true; 99], vec![false]].concat());
}
