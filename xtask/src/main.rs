//! The repository's chores. `cargo xtask test` is what the continuous integration runs; `cargo xtask bench` prints the
//! figures that the README carries; `cargo xtask dist` makes a release.

mod bench;
mod deny;
mod dist;
mod packages;
mod purity;
mod rooms;
mod run;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask <CHORE>

  test [STAGE...]   everything, or some stages: packages fmt clippy purity rooms docs test deny
  bench [NAME...]   figures, beside other programs: all, or some of what `--list` names.
                    `--readme` puts the table there, `--binary=PATH` measures another build
  dist              a release in target/dist: stripped binary, Debian package, unit, manual pages, completions, Dockerfile.
                    `--profile=dev` builds quickly, `--binary=PATH` packs another build, `--out=DIR` puts it elsewhere
  help              this text

Exit codes: 0 done, 1 something is not as it should be, 2 the call is wrong or something is missing that only root can install.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["test", stages @ ..] => test::test(stages),
        ["bench", args @ ..] => bench::bench(args),
        ["dist", args @ ..] => dist::dist(args),
        // Not for people: the bench of a crowd starts it.
        ["bench-pages", args @ ..] => bench::pages(args),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("\n{e:#}");
            ExitCode::from(if e.is::<run::Missing>() { 2 } else { 1 })
        }
    }
}
