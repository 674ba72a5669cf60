//! The Debian packages whose programs take part in tests and benches.

use crate::run::{Missing, program, show, works};
use anyhow::Result;
use std::path::Path;

/// A package, and whether its programs are there.
#[derive(Clone, Copy)]
pub(crate) struct Package {
    name: &'static str,
    installed: fn() -> bool,
}

fn all(paths: &[&str]) -> bool {
    paths.iter().all(|p| Path::new(p).exists())
}

/// PostgreSQL keeps its server in a directory of its version.
fn postgresql() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions.flatten().any(|v| v.path().join("bin/initdb").exists())
}

/// Debian's Python makes virtual environments only with another package's help.
fn virtual_environments() -> bool {
    works(program("/usr/bin/python3").args(["-c", "import ensurepip, venv"]))
}

const NGINX: Package = Package { name: "nginx-light", installed: || all(&["/usr/sbin/nginx"]) };
const ALERTMANAGER: Package = Package {
    name: "prometheus-alertmanager",
    installed: || all(&["/usr/bin/prometheus-alertmanager", "/usr/bin/amtool"]),
};
// SQLite is C; so are the tests' power-loss shim and the bench's bare loop.
const GCC: Package = Package { name: "gcc", installed: || works(program("cc").arg("--version")) };
const LIBC: Package = Package { name: "libc6-dev", installed: || all(&["/usr/include/stdio.h"]) };

/// What `cargo xtask test` needs.
pub(crate) const FOR_TESTS: [Package; 13] = [
    NGINX,
    Package { name: "postgresql", installed: postgresql },
    Package { name: "exim4-daemon-light", installed: || all(&["/usr/sbin/exim4"]) },
    Package { name: "prometheus", installed: || all(&["/usr/bin/prometheus"]) },
    ALERTMANAGER,
    // The browser test: the browser, what steers it, and what runs the validator of HTML.
    Package { name: "chromium", installed: || all(&["/usr/bin/chromium"]) },
    Package { name: "nodejs", installed: || all(&["/usr/bin/node"]) },
    Package { name: "npm", installed: || all(&["/usr/bin/npm"]) },
    Package { name: "default-jre-headless", installed: || all(&["/usr/bin/java"]) },
    // The test of the API brings schemathesis into an environment of its own.
    Package { name: "python3-venv", installed: virtual_environments },
    // A newcomer's path begins with what is in the repository.
    Package { name: "git", installed: || works(program("git").arg("--version")) },
    GCC,
    LIBC,
];

/// What `cargo xtask bench` needs.
pub(crate) const FOR_BENCHES: [Package; 7] = [
    NGINX,
    ALERTMANAGER,
    Package {
        name: "prometheus-blackbox-exporter",
        installed: || all(&["/usr/bin/prometheus-blackbox-exporter"]),
    },
    Package { name: "wrk", installed: || all(&["/usr/bin/wrk"]) },
    Package { name: "iproute2", installed: || works(program("ip").arg("-V")) },
    GCC,
    LIBC,
];

/// Installs what is missing, as root; for anybody else says how.
pub(crate) fn bring(packages: &[Package]) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() {
        let names: Vec<&str> = packages.iter().map(|p| p.name).collect();
        println!("all of {} are installed", names.join(", "));
        return Ok(());
    }
    let install = ["install", "-y", "--no-install-recommends"];
    let by_hand = format!("apt-get update && apt-get {} {}", install.join(" "), missing.join(" "));
    let root = crate::run::read(program("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0");
    if !root {
        let text = format!(
            "some Debian packages are missing. Run this, then try again:\n\n  sudo sh -c '{by_hand}'\n"
        );
        return Err(Missing(text).into());
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
    let still = self::missing(packages);
    if still.is_empty() {
        return Ok(());
    }
    let text = format!(
        "apt-get installed everything, but the programs of {} are not where they should be",
        still.join(", ")
    );
    Err(Missing(text).into())
}

fn missing(packages: &[Package]) -> Vec<&'static str> {
    packages.iter().filter(|p| !(p.installed)()).map(|p| p.name).collect()
}
