//! A look at a program: brought up once, asked once, ended again. For `comity check`.

use crate::config::PluginConfig;
use crate::connect::{bring_up, greet};
use crate::error::PluginError;
use crate::status::words;
use comity_model::Height;
use comity_proto::comity::adapter::v1 as proto;
use std::time::Duration;
use tokio::time::Instant;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the program calls itself.
    pub name: String,
    /// Its release.
    pub release: String,
    /// The version of the protocol that both speak.
    pub version: u32,
    /// The latest height that it tells of.
    pub latest: Height,
    /// From its start until its first answer.
    pub took: Duration,
}

/// Starts or connects to the program, shakes hands, and asks for its health and its latest height.
pub async fn probe(config: PluginConfig) -> Result<Report, PluginError> {
    let since = Instant::now();
    let (connection, mut process) = bring_up(&config).await?;
    let looking = async {
        let mut node_down = None;
        let greeting = {
            let greeting = greet(&connection, &mut process, &config, |error| node_down = Some(error));
            tokio::time::timeout(config.paces.start_timeout, greeting).await
        };
        let greeting = match greeting {
            Ok(greeting) => greeting?,
            Err(_) => {
                let what = "answer the handshake";
                let waited_ms = config.paces.start_timeout.as_millis();
                return Err(node_down.unwrap_or(PluginError::TooSlow { what, waited_ms, said: None }));
            }
        };
        let took = since.elapsed();
        connection.health(config.paces.health_timeout).await?;
        let mut client = connection.client();
        let asked = tokio::time::timeout(config.paces.answer_timeout, client.latest(proto::LatestRequest {})).await;
        let latest = match asked {
            Ok(Ok(answer)) => Height(answer.get_ref().height),
            Ok(Err(status)) => return Err(PluginError::NodeDown { reason: words(status.message()) }),
            Err(_) => {
                let waited_ms = config.paces.answer_timeout.as_millis();
                return Err(PluginError::TooSlow { what: "tell the latest height", waited_ms, said: None });
            }
        };
        Ok(Report { name: greeting.name, release: greeting.release, version: greeting.version, latest, took })
    };
    let report = looking.await;
    if let Some(process) = process {
        process.stop().await;
    }
    report
}
