//! What a package makes of the command line's definition: completions for shells, and manual pages.

use super::{Cli, Done, Failure, say};
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::{Path, PathBuf};

/// `foghorn completions`: to standard output.
pub fn completions(shell: Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "foghorn", &mut script);
    let script = String::from_utf8(script).map_err(|e| Failure::Bad(e.to_string()))?;
    say(script.trim_end());
    Ok(())
}

/// `foghorn man`: a page for every command.
pub fn man(dir: &Path) -> Done {
    let failed = |e: std::io::Error| Failure::Bad(format!("{} cannot be written: {e}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    let mut cli = Cli::command().disable_help_subcommand(true);
    cli.build();
    let mut written = Vec::new();
    write(dir, &cli, &mut written).map_err(failed)?;
    say(&format!("{} pages are in {}", written.len(), dir.display()));
    Ok(())
}

fn write(dir: &Path, command: &clap::Command, written: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    written.push(page.generate_to(dir)?);
    command.get_subcommands().filter(|c| !c.is_hide_set()).try_for_each(|c| write(dir, c, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let dir = tempfile::tempdir().unwrap();
        assert!(man(dir.path()).is_ok());
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(read("foghorn.1").contains(".TH foghorn 1"));
        let page = read("foghorn-page-test.1");
        for word in ["foghorn page test", "contact", "foghorn.yaml"] {
            assert!(page.replace('\\', "").contains(word), "{word}: {page}");
        }
        // As many pages as there are commands, `help` aside.
        fn count(c: &clap::Command) -> usize {
            1 + c.get_subcommands().filter(|c| c.get_name() != "help").map(count).sum::<usize>()
        }
        let mut cli = Cli::command();
        cli.build();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), count(&cli));
    }
}
