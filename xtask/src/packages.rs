//! What the tests need beside Rust: the distribution's packages, found or installed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::command::Command;

/// Something that a step cannot do without.
pub(crate) struct Package {
    /// The name by which steps ask for it and Debian installs it.
    pub(crate) name: &'static str,
    present: fn() -> bool,
}

/// All that steps ask for.
const PACKAGES: &[Package] = &[
    Package { name: "gcc", present: || Command::new("gcc --version").succeeds() },
    Package { name: "g++", present: || Command::new("g++ --version").succeeds() },
    Package { name: "make", present: || Command::new("make --version").succeeds() },
    Package { name: "libzmq5", present: has_system_library },
    Package { name: "libzmq3-dev", present: || Path::new("/usr/include/zmq.h").exists() },
    Package { name: "valgrind", present: || Command::new("valgrind --version").succeeds() },
    Package {
        name: "python3-venv",
        present: || Command::new("python3 -c").arg("import ensurepip, venv").succeeds(),
    },
    Package { name: "python3-dev", present: has_python_header },
    Package { name: "cmake", present: || Command::new("cmake --version").succeeds() },
    Package { name: "cppzmq-dev", present: || Path::new("/usr/include/zmq.hpp").exists() },
    Package { name: "microsocks", present: || Path::new("/usr/bin/microsocks").exists() },
    Package { name: "pkg-config", present: || Command::new("pkg-config --version").succeeds() },
];

/// The linker's answer is the bare name where it does not find the file.
fn has_system_library() -> bool {
    let path = Command::new("gcc -print-file-name=libzmq.so.5").output();
    path.is_some_and(|path| Path::new(path.trim()).is_absolute())
}

fn has_python_header() -> bool {
    let code = "import sysconfig; print(sysconfig.get_path('include'))";
    let folder = Command::new("python3 -c").arg(code).output();
    folder.is_some_and(|folder| Path::new(folder.trim()).join("Python.h").exists())
}

/// Installs what is missing of the packages that are needed, as far as this user may, and returns the names of what still
/// is.
pub(crate) fn bring(needed: &BTreeSet<&str>) -> Vec<&'static str> {
    let missing = || {
        let needed = PACKAGES.iter().filter(|package| needed.contains(package.name));
        needed.filter(|package| !(package.present)()).map(|package| package.name).collect::<Vec<_>>()
    };
    install(&missing());
    missing()
}

/// Does the same for packages by their names at Debian.
pub(crate) fn bring_from_debian<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let missing = || names.iter().copied().filter(|name| version(name).is_none()).collect::<Vec<_>>();
    install(&missing());
    missing()
}

/// The version of a package of Debian, if it is installed.
pub(crate) fn version(name: &str) -> Option<String> {
    let query =
        Command::new("dpkg-query --show").arg("--showformat=${db:Status-Status} ${Version}\n").arg(name);
    let answer = query.output()?;
    answer.lines().find_map(|line| line.strip_prefix("installed ")).map(str::to_owned)
}

/// Installs packages, as far as this user may.
fn install(missing: &[&str]) {
    if missing.is_empty() {
        return;
    }
    println!("missing: {}", missing.join(" "));
    let Some(apt_get) = apt_get() else {
        println!(
            "they cannot be installed from here: that takes apt-get, and root or sudo without a password"
        );
        return;
    };
    let install = apt_get.clone().args("install --yes --no-install-recommends").args(&missing.join(" "));
    if let Err(message) = apt_get.args("update").run().and_then(|()| install.run()) {
        println!("{message}");
    }
}

/// apt-get with the rights to install, if there are any.
fn apt_get() -> Option<Command> {
    let is_root = Command::new("id --user").output().is_some_and(|id| id.trim() == "0");
    let prefix = if is_root {
        ""
    } else if Command::new("sudo --non-interactive true").succeeds() {
        "sudo --non-interactive "
    } else {
        return None;
    };
    let apt_get = Command::new(&format!("{prefix}env DEBIAN_FRONTEND=noninteractive apt-get"));
    Command::new("apt-get --version").succeeds().then_some(apt_get)
}

#[cfg(test)]
mod tests {
    use super::PACKAGES;
    use crate::steps;

    #[test]
    fn every_need_of_a_step_can_be_brought() {
        for step in steps::all() {
            for need in step.needs {
                assert!(PACKAGES.iter().any(|package| package.name == *need), "{}: {need}", step.name);
            }
        }
    }
}
