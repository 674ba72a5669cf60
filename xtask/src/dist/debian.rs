//! A Debian package, by `dpkg-deb` alone.

use super::{SHELLS, copy, put, text};
use crate::run::{program, read, root, show};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Which package has a library that the binary needs. Everything else is in the binary itself.
const LIBRARIES: [(&str, &str); 5] = [
    ("libc.so.6", "libc6"),
    ("libm.so.6", "libc6"),
    ("ld-linux-x86-64.so.2", "libc6"),
    ("ld-linux-aarch64.so.1", "libc6"),
    ("libgcc_s.so.1", "libgcc-s1"),
];
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Makes the package of what is in `out`, and puts it there.
pub(super) fn package(out: &Path, version: &str) -> Result<PathBuf> {
    let arch = read(program("dpkg").arg("--print-architecture"))?.trim().to_owned();
    let stage = tempfile::tempdir()?;
    let tree = stage.path().join("tree");
    lay(out, &tree)?;
    let size = bytes(&tree)?.div_ceil(1024);
    let control = tree.join("DEBIAN");
    let ours = root().join("packaging/debian");
    for name in SCRIPTS.iter().chain(&["conffiles"]) {
        copy(&ours.join(name), &control.join(name))?;
    }
    let fields =
        fs::read_to_string(ours.join("control")).context("packaging/debian/control cannot be read")?;
    let filled = fields
        .replace("@VERSION@", version)
        .replace("@ARCH@", &arch)
        .replace("@SIZE@", &size.to_string())
        .replace("@DEPENDS@", &depends(&out.join("foghorn"))?);
    if let Some(left) = filled.split('@').nth(1).filter(|w| w.chars().all(|c| c.is_ascii_uppercase())) {
        bail!("packaging/debian/control asks for @{left}@, which nothing fills in");
    }
    put(&control.join("control"), filled)?;
    rights(&tree, &tree)?;
    let package = out.join(format!("foghorn_{version}_{arch}.deb"));
    // Every Debian that can run the binary reads xz.
    show(
        program("dpkg-deb").args(["--root-owner-group", "-Zxz", "-z6", "--build"]).arg(&tree).arg(&package),
    )?;
    Ok(package)
}

/// The files where Debian has them.
fn lay(out: &Path, tree: &Path) -> Result<()> {
    copy(&out.join("foghorn"), &tree.join("usr/bin/foghorn"))?;
    copy(&out.join("foghorn.service"), &tree.join("usr/lib/systemd/system/foghorn.service"))?;
    copy(&out.join("foghorn.yaml"), &tree.join("etc/foghorn/foghorn.yaml"))?;
    let license = fs::read_to_string(root().join("LICENSE")).context("LICENSE cannot be read")?;
    put(&tree.join("usr/share/doc/foghorn/copyright"), license)?;
    for (shell, file) in SHELLS {
        let dir = match shell {
            "bash" => "usr/share/bash-completion/completions",
            "zsh" => "usr/share/zsh/vendor-completions",
            _ => "usr/share/fish/vendor_completions.d",
        };
        copy(&out.join("completions").join(shell).join(file), &tree.join(dir).join(file))?;
    }
    let man = tree.join("usr/share/man/man1");
    for page in fs::read_dir(out.join("man"))? {
        let page = page?.path();
        copy(&page, &man.join(page.file_name().unwrap_or_default()))?;
    }
    // Without a name and a time inside, so that the same pages are the same bytes.
    let pages: Vec<PathBuf> = fs::read_dir(&man)?.map(|p| Ok(p?.path())).collect::<Result<_>>()?;
    if pages.is_empty() {
        bail!("there are no manual pages in {}", out.display());
    }
    read(program("gzip").arg("-9n").args(&pages)).map(drop)
}

/// What the binary needs of the system: the libraries that it names, and the newest symbols of the C library.
fn depends(binary: &Path) -> Result<String> {
    let dynamic = read(program("readelf").args(["--dynamic", "--wide"]).arg(binary))?;
    let needed = dynamic.lines().filter(|l| l.contains("(NEEDED)"));
    let libraries = needed.filter_map(|l| l.split('[').nth(1)?.strip_suffix(']'));
    let mut packages: Vec<String> = Vec::new();
    for library in libraries {
        let Some((_, package)) = LIBRARIES.iter().find(|(name, _)| *name == library) else {
            bail!("the binary needs {library}: say in xtask/src/dist/debian.rs which package has it");
        };
        if packages.iter().all(|p| p != package) {
            packages.push((*package).to_owned());
        }
    }
    let versions = read(program("readelf").args(["--version-info", "--wide"]).arg(binary))?;
    if let Some(glibc) = packages.iter_mut().find(|p| *p == "libc6") {
        let minor = newest(&versions).context("the binary names no version of the C library")?;
        glibc.push_str(&format!(" (>= 2.{minor})"));
    }
    if packages.is_empty() {
        // A static binary.
        return Ok("base-files".to_owned());
    }
    Ok(packages.join(", "))
}

/// The newest `GLIBC_2.x`.
fn newest(versions: &str) -> Option<u32> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    versions.split("GLIBC_2.").skip(1).filter_map(digits).max()
}

fn bytes(dir: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}

/// Rights that do not depend on who builds. The configuration may come to hold secrets.
fn rights(path: &Path, tree: &Path) -> Result<()> {
    let inside = text(path.strip_prefix(tree).unwrap_or(path));
    let program = inside == "usr/bin/foghorn" || SCRIPTS.iter().any(|s| inside == format!("DEBIAN/{s}"));
    let mode = match &*inside {
        "etc/foghorn/foghorn.yaml" => 0o640,
        _ if path.is_dir() || program => 0o755,
        _ => 0o644,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            rights(&entry?.path(), tree)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::newest;

    #[test]
    fn the_newest_symbol_counts() {
        assert_eq!(newest("GLIBC_2.2.5 GLIBC_2.34) GLIBC_2.9 GLIBC_PRIVATE"), Some(34));
        assert_eq!(newest("GLIBC_ABI"), None);
    }
}
