//! From the first failing answer of a service to the page about it.

use super::Bench;
use super::process::{Foghorn, basics};
use super::table::{Row, quantile};
use super::target::{Hook, Service};
use anyhow::{Context as _, Result};
use serde_json::json;
use std::time::{Duration, Instant};

const TIMES: usize = 20;

/// Twenty services break at different moments of their checks' interval.
pub(crate) fn twenty_times(bench: &Bench) -> Result<Vec<Row>> {
    let hook = Hook::start()?;
    let services = (0..TIMES).map(|_| Service::start()).collect::<Result<Vec<_>>>()?;
    let mut config = basics(hook.address);
    config.push_str("checks:\n");
    for (i, service) in services.iter().enumerate() {
        config.push_str(&format!(
            "  service-{i:02}: {{ entity: service-{i:02}, http: \"http://{}/\", every: 10s, timeout: 3s, fail_after: 2, fail_for: 0s }}\n",
            service.address
        ));
    }
    config.push_str("topology:\n");
    (0..TIMES).for_each(|i| config.push_str(&format!("  service-{i:02}: {{ kind: service }}\n")));
    let foghorn = Foghorn::start(bench, &config)?;
    let began = Instant::now();
    while foghorn.metric("foghorn_check_runs_total")? < TIMES as f64
        && began.elapsed() < Duration::from_secs(60)
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut took = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        scope.spawn(|| {
            for service in &services {
                service.break_down();
                std::thread::sleep(Duration::from_millis(370));
            }
        });
        // Pages come in the order in which the services are found sick.
        let mut waiting: Vec<usize> = (0..TIMES).collect();
        while !waiting.is_empty() {
            let (which, came) =
                hook.first_of(&waiting.iter().map(|i| format!("service-{i:02}: ")).collect::<Vec<_>>())?;
            let service = waiting.remove(which);
            let failed = services[service].first_failure().context("paged before it failed")?;
            took.push(came.duration_since(failed).as_secs_f64());
        }
        Ok(())
    })?;
    let (median, worst) = (quantile(&mut took, 0.5), quantile(&mut took, 1.0));
    Ok(vec![Row {
        what: "first failing answer to the page at its webhook: 10 s interval, `fail_after: 2`, `fail_for: 0s`".into(),
        target: "3 s, worst of 20".into(),
        ours: format!("median {median:.2} s, worst of {TIMES} {worst:.2} s"),
        others: "Prometheus, blackbox_exporter and Alertmanager with documented defaults: 98 s, measured elsewhere".into(),
        reached: Some(worst <= 3.0),
        figures: json!({ "median_s": median, "worst_s": worst }),
    }])
}
