//! The Debian packages whose programs take part in tests.

use crate::run::{Missing, program, show, works};
use anyhow::Result;
use std::path::Path;

/// A package, and where one of its programs is once it is installed.
struct Package {
    name: &'static str,
    installed: fn() -> bool,
}

fn any(paths: &[&str]) -> bool {
    paths.iter().any(|p| Path::new(p).exists())
}

/// PostgreSQL keeps its server in a directory of its version.
fn postgresql() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions.flatten().any(|v| v.path().join("bin/initdb").exists())
}

const PACKAGES: [Package; 7] = [
    Package { name: "nginx-light", installed: || any(&["/usr/sbin/nginx"]) },
    Package { name: "postgresql", installed: postgresql },
    Package { name: "exim4-daemon-light", installed: || any(&["/usr/sbin/exim4"]) },
    Package { name: "prometheus", installed: || any(&["/usr/bin/prometheus"]) },
    Package {
        name: "prometheus-alertmanager",
        installed: || any(&["/usr/bin/prometheus-alertmanager"]) && any(&["/usr/bin/amtool"]),
    },
    // The tests' power-loss shim is C; so is SQLite.
    Package { name: "gcc", installed: || works(program("cc").arg("--version")) },
    Package { name: "libc6-dev", installed: || any(&["/usr/include/stdio.h"]) },
];

/// Installs what is missing, as root; for anybody else says how.
pub(crate) fn bring() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        println!("all of {} are installed", PACKAGES.map(|p| p.name).join(", "));
        return Ok(());
    }
    let install = ["install", "-y", "--no-install-recommends"];
    let by_hand = format!("apt-get update && apt-get {} {}", install.join(" "), missing.join(" "));
    let root = crate::run::read(program("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0");
    if !root {
        return Err(Missing(format!(
            "the tests need some Debian packages. Run this, then try again:\n\n  sudo sh -c '{by_hand}'\n"
        ))
        .into());
    }
    let apt = |args: &[&str]| {
        let mut c = program("apt-get");
        c.args(["-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"]).args(args);
        // Nothing asks, and nothing is started: the tests start what they need on ports of their own.
        c.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        c
    };
    let wanted: Vec<&str> = install.iter().chain(&missing).copied().collect();
    if show(&mut apt(&wanted)).is_err() {
        // The list of packages is older than the mirror, or was never fetched.
        show(&mut apt(&["update"]))?;
        show(&mut apt(&wanted))?;
    }
    let still = self::missing();
    if still.is_empty() {
        return Ok(());
    }
    Err(Missing(format!(
        "apt-get installed everything, but the programs of {} are not where they should be",
        still.join(", ")
    ))
    .into())
}

fn missing() -> Vec<&'static str> {
    PACKAGES.iter().filter(|p| !(p.installed)()).map(|p| p.name).collect()
}
