//! Logs in with the certificate of this host instead of a token, and sends a message to itself.
//!
//! An AMS to try it with, its authn service, a CA, and a host that is bound to a user; then the example:
//!
//! ```sh
//! site=$(mktemp -d) && ec="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
//! openssl req -x509 $ec -days 30 -subj "/CN=example CA" -keyout $site/ca-key.pem -out $site/ca.pem
//! certify() { openssl x509 -req -in $site/request.pem -CA $site/ca.pem -CAkey $site/ca-key.pem -CAcreateserial -days 30 "$@"; }
//! openssl req $ec -subj "/CN=localhost" -keyout $site/key.pem -out $site/request.pem
//! echo "subjectAltName=DNS:localhost,IP:127.0.0.1" >$site/names && certify -extfile $site/names -out $site/cert.pem
//! openssl req $ec -subj "/DC=org/DC=example/CN=client.example.org" -keyout $site/host-key.pem -out $site/request.pem
//! echo "extendedKeyUsage=clientAuth" >$site/uses && certify -extfile $site/uses -out $site/host.pem
//!
//! ams emulator --listen 127.0.0.1:0 --project DEMO --tls-certificate $site/cert.pem --tls-private-key $site/key.pem \
//!     --authn-listen 127.0.0.1:0 --authn-ca $site/ca.pem \
//!     --authn-binding "CN=client.example.org,DC=org+DC=example=client" >$site/emulator.out &
//! until grep -q '^export AMS_PROJECT' $site/emulator.out; do sleep 0.1; done
//! eval "$(grep '^export' $site/emulator.out)" && export AMS_CA_FILE=$site/ca.pem
//! curl -fsS --cacert $site/ca.pem -H "x-api-key: $AMS_TOKEN" "$AMS_ENDPOINT/v1/projects/DEMO/members/client" \
//!     -d '{"projects": [{"project": "DEMO", "roles": ["project_admin"]}], "email": "client@example.org"}'
//!
//! export AMS_CERTIFICATE=$site/host.pem AMS_PRIVATE_KEY=$site/host-key.pem
//! export AMS_AUTHN_ENDPOINT=$(sed -n 's/^tokens for host certificates on //p' $site/emulator.out)
//! cargo run --quiet --example x509
//! kill $!
//! ```
//!
//! At a real service `AMS_ENDPOINT`, `AMS_PROJECT`, `AMS_CERTIFICATE` and `AMS_PRIVATE_KEY` are enough, where the system
//! trusts its CA.

use std::{env, error::Error};

use ams_forwarder::client::{AmsClient, NewMessage, PullLimits, SubscriptionName, TopicName};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (endpoint, project) = (env::var("AMS_ENDPOINT")?, env::var("AMS_PROJECT")?.parse()?);
    let mut builder = AmsClient::builder(&endpoint, project)
        .certificate(env::var("AMS_CERTIFICATE")?, env::var("AMS_PRIVATE_KEY")?);
    // Only where it is not on port 8443 of the endpoint's host.
    if let Ok(authn) = env::var("AMS_AUTHN_ENDPOINT") {
        builder = builder.authn_endpoint(&authn);
    }
    if let Ok(ca) = env::var("AMS_CA_FILE") {
        builder = builder.ca_file(ca);
    }
    // Files that cannot be used are told here: expired or not, the certificate must be one, and the key must be its own.
    let client = builder.build()?;

    // The first request logs in. Should the service ever refuse the token, the request that finds out gets a new one.
    let (topic, subscription): (TopicName, SubscriptionName) = ("x509".parse()?, "x509".parse()?);
    client.create_topic(&topic).await?;
    client.create_subscription(&subscription, &topic, None).await?;
    let ids = client.publish(&topic, &[NewMessage::new("sent without a token in sight")]).await?;
    println!("published {ids:?}");

    let batch = client.pull(&subscription, PullLimits { max_messages: 1, max_bytes: 1 << 20 }).await?;
    for message in &batch {
        let mut payload = Vec::new();
        message.decode_data(&mut payload)?;
        println!("received {}: {}", message.id(), String::from_utf8_lossy(&payload));
    }
    if let Some(last) = batch.last_id() {
        client.acknowledge(&subscription, last).await?;
    }
    client.delete_subscription(&subscription).await?;
    client.delete_topic(&topic).await?;
    Ok(())
}
