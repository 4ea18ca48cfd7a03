// Included by the examples of the documentation: a client of the project EGI, on an emulator that ends with the program.
async fn example_client() -> Result<ams_forwarder::client::AmsClient, Box<dyn std::error::Error>> {
    use ams_forwarder::{client::AmsClient, emulator};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(emulator::run(listener, std::future::pending()));
    let client = AmsClient::builder(&endpoint, "EGI".parse()?).token("emulator".into()).no_proxy().build()?;
    client.create_project("an example").await?;
    Ok(client)
}
