//! What `cargo xtask dist` makes, from the binary that cargo built for these tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs it, and returns what it wrote.
#[track_caller]
fn run(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).current_dir(root()).args(args).output().unwrap();
    let said = [&*out.stdout, &*out.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(out.status.success(), "{program} {args:?}: {}\n{said}", out.status);
    said
}

#[test]
fn a_release_has_all_that_it_should() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (binary, out) = (format!("--binary={}", env!("CARGO_BIN_EXE_foghorn")), path("dist"));
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    run(&cargo, &["run", "--quiet", "--locked", "--package", "xtask", "--", "dist", &binary, "--out", &out]);

    let version = env!("CARGO_PKG_VERSION");
    let arch = run("dpkg", &["--print-architecture"]);
    let deb = path(&format!("dist/foghorn_{version}_{}.deb", arch.trim()));
    let contents = run("dpkg-deb", &["--contents", &deb]);
    for line in [
        "-rwxr-xr-x root/root ./usr/bin/foghorn",
        "-rw-r--r-- root/root ./usr/lib/systemd/system/foghorn.service",
        "-rw-r----- root/root ./etc/foghorn/foghorn.yaml",
        "-rw-r--r-- root/root ./usr/share/man/man1/foghorn-page-test.1.gz",
        "-rw-r--r-- root/root ./usr/share/bash-completion/completions/foghorn",
        "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_foghorn",
        "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/foghorn.fish",
        "-rw-r--r-- root/root ./usr/share/doc/foghorn/copyright",
    ] {
        let (start, end) = line.rsplit_once(' ').unwrap();
        let found = contents.lines().any(|l| l.starts_with(start) && l.ends_with(end));
        assert!(found, "{line} is not in\n{contents}");
    }
    assert!(!contents.contains("DEBIAN"), "{contents}");

    let info = run("dpkg-deb", &["--info", &deb]);
    for words in ["Depends: ", "libc6 (>= 2.", "libgcc-s1", "adduser", "conffiles", "postinst", "prerm"] {
        assert!(info.contains(words), "{words}: {info}");
    }
    assert!(info.contains(&format!("Version: {version}\n")), "{info}");

    // What is in it works.
    let (tree, control) = (path("tree"), path("control"));
    run("dpkg-deb", &["--extract", &deb, &tree]);
    run("dpkg-deb", &["--control", &deb, &control]);
    let packed = path("tree/usr/bin/foghorn");
    assert!(run(&packed, &["--version"]).contains(version));
    let sections = run("readelf", &["--sections", "--wide", &packed]);
    assert!(
        !sections.contains(".symtab") && !sections.contains(".debug_info"),
        "it is not stripped: {sections}"
    );
    let checked = run(&packed, &["config", "check", &path("tree/etc/foghorn/foghorn.yaml")]);
    assert!(checked.contains("is good"), "{checked}");
    assert!(run("gzip", &["-cd", &path("tree/usr/share/man/man1/foghorn.1.gz")]).contains(".TH foghorn 1"));
    for script in ["postinst", "prerm", "postrm"] {
        run("sh", &["-n", &format!("{control}/{script}")]);
    }
    let conffile = std::fs::read_to_string(format!("{control}/conffiles")).unwrap();
    assert!(Path::new(&format!("{tree}{}", conffile.trim())).exists(), "{conffile}");
    for name in ["foghorn", "foghorn.service", "Dockerfile", "SHA256SUMS"] {
        assert!(Path::new(&format!("{out}/{name}")).exists(), "{name}");
    }

    dockerfile(Path::new(&out), &packed);
    unit(&path("tree/usr/lib/systemd/system/foghorn.service"), &packed, dir.path());
}

/// What the Dockerfile names is there, and the binary understands how it is called. An image is not built here: that takes
/// a container engine and another Debian.
fn dockerfile(out: &Path, binary: &str) {
    let text = std::fs::read_to_string(out.join("Dockerfile")).unwrap();
    let text = text.replace("\\\n", " ");
    let all = |word: &str| -> Vec<Vec<&str>> {
        let lines = text.lines().filter_map(|l| l.strip_prefix(word)?.strip_prefix(' '));
        lines.map(|l| l.split_whitespace().collect()).collect()
    };
    let one = |word: &str| match &all(word)[..] {
        [line] => line.join(" "),
        other => panic!("{word} is there {} times:\n{text}", other.len()),
    };
    for copy in all("COPY") {
        let [from, to] = copy[..] else { panic!("{copy:?}") };
        assert!(out.join(from).exists() && to.starts_with('/'), "{copy:?}");
    }
    let call = |word: &str| -> Vec<String> { serde_json::from_str(&one(word)).unwrap() };
    let (program, args) = (call("ENTRYPOINT"), call("CMD"));
    assert!(text.contains(&format!("COPY foghorn {}\n", program[0])), "{program:?}");
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["--help"]).collect();
    assert!(run(binary, &args).contains("foghorn serve"), "{args:?}");
    assert!(args.contains(&one("VOLUME").as_str()), "the data is kept");
    let user = one("USER");
    assert!(user != "0" && text.contains(&format!("--uid {user} ")), "{user}");
    assert_eq!(one("EXPOSE"), "7070 7071 7072");
}

/// systemd's own opinion of the unit, where systemd is installed.
fn unit(unit: &str, binary: &str, dir: &Path) {
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        eprintln!("systemd-analyze is not installed: the unit is not looked at");
        return;
    }
    // It wants the program to be where the unit says; here it is elsewhere.
    let text = std::fs::read_to_string(unit).unwrap();
    assert!(text.contains("ExecStart=/usr/bin/foghorn "));
    let here = dir.join("foghorn.service").display().to_string();
    std::fs::write(&here, text.replace("/usr/bin/foghorn ", &format!("{binary} "))).unwrap();
    let verified = run("systemd-analyze", &["verify", "--man=no", "--recursive-errors=no", &here]);
    assert_eq!(verified, "", "systemd finds fault with the unit");
    // From 0 (safe) to 100; what it finds is in what the test says when it fails.
    run("systemd-analyze", &["security", "--offline=true", "--threshold=25", &here]);
}
