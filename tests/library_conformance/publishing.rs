//! Publishing.

use ams_forwarder::client::{ErrorKind, NewMessage, RawMessage};

use super::refused;
use super::stage::{on_stage, pull, texts, topic};

#[tokio::test]
async fn what_was_published_comes_back_as_it_was() {
    on_stage("publish", async |stage| {
        let (topic, subscription) = stage.lay("t").await;
        let binary: Vec<u8> = (0..=255).collect();
        let messages = [
            NewMessage::new("one").attribute("k", "v").unwrap(),
            NewMessage::new(binary.clone()),
            NewMessage::new("").attribute("ключ", "значение ☂").unwrap().attribute("empty", "").unwrap(),
            NewMessage::new("x").attribute("h", "<a&b>").unwrap(),
        ];
        assert_eq!(stage.admin.publish(&topic, &messages).await.unwrap(), [0, 1, 2, 3]);
        assert!(stage.admin.publish(&topic, &[]).await.unwrap().is_empty());

        let batch = pull(&stage.admin, &subscription, 10, 4).await;
        assert_eq!((batch.first_id(), batch.last_id()), (Some(0), Some(3)));
        for (published, pulled) in messages.iter().zip(&batch) {
            let mut payload = Vec::new();
            pulled.decode_data(&mut payload).unwrap();
            assert_eq!(payload, published.payload());
            let mut attributes: Vec<_> = pulled.attributes().collect();
            attributes.sort_unstable();
            assert_eq!(attributes, published.attributes().collect::<Vec<_>>());
            assert!(pulled.publish_time().ends_with('Z'), "{}", pulled.publish_time());
        }
    })
    .await;
}

#[tokio::test]
async fn a_pulled_message_is_published_as_it_is() {
    on_stage("raw", async |stage| {
        let (from, subscription) = stage.lay("from").await;
        let (to, copies) = stage.lay("to").await;
        stage.publish(&from, 0, &["a", "b"]).await;
        let batch = pull(&stage.admin, &subscription, 10, 2).await;
        let raw: Vec<_> = batch.iter().map(|message| RawMessage::new(message).unwrap()).collect();
        assert_eq!(stage.admin.publish_raw(&to, &raw).await.unwrap(), [0, 1]);
        assert_eq!(texts(&pull(&stage.admin, &copies, 10, 2).await), ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn a_publish_that_fails_says_whether_it_may_have_happened() {
    on_stage("refused", async |stage| {
        let missing = stage.admin.publish(&topic("nosuch"), &[NewMessage::new("x")]).await;
        assert!(!refused(missing, 404, ErrorKind::NotFound).may_have_happened());

        let (topic, subscription) = stage.lay("t").await;
        let too_large = NewMessage::new(vec![b'x'; 1_200_000]);
        let messages = [NewMessage::new("small"), too_large, NewMessage::new("small")];
        let error = refused(stage.admin.publish(&topic, &messages).await, 500, ErrorKind::Transient);
        assert!(error.may_have_happened(), "{error}");
        assert_eq!(stage.admin.offsets(&subscription).await.unwrap().max, 1, "the first one is in the log");
    })
    .await;
}
