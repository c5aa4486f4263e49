//! `cargo xtask install`: builds the C library and the command line and lays them out as a distribution expects.
//!
//! A file takes its place by being renamed, so that programs that have the library open keep the old one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use crate::command::{Command, repository, target_dir};

const USAGE: &str = "usage: cargo xtask install [--prefix DIR] [--libdir DIR] [--destdir DIR]

  --prefix DIR    where the library is to be used from (/usr/local)
  --libdir DIR    for the libraries, relative to the prefix (lib)
  --destdir DIR   put in front of the prefix while files are copied: for building packages";

const SONAME: &str = "libzmq.so.5";
/// With the revision of the interface in libzmq's count.
const SHARED: &str = "libzmq.so.5.2.6";
/// What a program needs beside the static library and what compilers add by themselves. All but libc are empty in
/// new versions of glibc.
const PRIVATE_LIBS: [&str; 4] = ["-lpthread", "-ldl", "-lm", "-lrt"];

/// Where things go.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    prefix: PathBuf,
    /// Relative to the prefix.
    libdir: PathBuf,
    destdir: Option<PathBuf>,
}

/// Builds and installs.
///
/// # Errors
/// If the arguments are wrong, the build fails or a file cannot be written.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let layout = Layout::parse(arguments)?;
    Command::new("cargo build --release -p libzmq -p fzmq").run()?;
    let archive = archive()?;
    layout.install(&archive)?;
    println!("installed in {}", layout.root().display());
    Ok(())
}

/// Makes one object of the static library that has no global symbols but those of `zmq.h`: names of Rust's standard
/// library would clash with those of another library that is written in Rust. Without LLVM's own sections, which
/// compilers of other versions stumble over.
fn archive() -> Result<PathBuf, String> {
    let work = target_dir().join("install");
    fs::create_dir_all(&work).map_err(|e| format!("{}: {e}", work.display()))?;
    let (built, plain) = (target_dir().join("release/libzmq.a"), work.join("plain.a"));
    let (object, archive) = (work.join("zmq.o"), work.join("libzmq.a"));
    let symbols = repository().join("crates/libzmq/symbols.txt");
    let names = fs::read_to_string(&symbols).map_err(|e| format!("{}: {e}", symbols.display()))?;
    let wanted: String = names.lines().map(|name| format!("--undefined={name}\n")).collect();
    put(wanted.as_bytes(), &work.join("wanted"), 0o644)?;
    let _ = fs::remove_file(&archive);
    let commands = [
        Command::new("objcopy --remove-section=.llvmbc --remove-section=.llvmcmd").path(&built).path(&plain),
        Command::new("ld --relocatable -o")
            .path(&object)
            .arg(&format!("@{}", work.join("wanted").display()))
            .path(&plain),
        Command::new("objcopy").arg(&format!("--keep-global-symbols={}", symbols.display())).path(&object),
        Command::new("ar crs").path(&archive).path(&object),
    ];
    commands.iter().try_for_each(Command::run)?;
    Ok(archive)
}

impl Layout {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let (mut prefix, mut libdir, mut destdir) = ("/usr/local", "lib", None);
        let mut rest = arguments;
        while let [option, others @ ..] = rest {
            let [value, others @ ..] = others else { return Err(USAGE.to_owned()) };
            match *option {
                "--prefix" => prefix = value,
                "--libdir" => libdir = value,
                "--destdir" => destdir = Some(*value),
                _ => return Err(USAGE.to_owned()),
            }
            rest = others;
        }
        if !Path::new(prefix).is_absolute() {
            return Err(format!("--prefix {prefix}: not an absolute path"));
        }
        if !Path::new(libdir).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(format!("--libdir {libdir}: not a path below the prefix"));
        }
        // As the caller's shell means it, not the repository's root.
        let destdir = destdir.map(std::path::absolute).transpose().map_err(|e| format!("--destdir: {e}"))?;
        Ok(Self { prefix: prefix.into(), libdir: libdir.into(), destdir })
    }

    /// Where the prefix is while files are copied.
    fn root(&self) -> PathBuf {
        match &self.destdir {
            None => self.prefix.clone(),
            Some(destdir) => destdir.join(self.prefix.strip_prefix("/").unwrap_or(&self.prefix)),
        }
    }

    fn install(&self, archive: &Path) -> Result<(), String> {
        let (root, built, source) = (self.root(), target_dir().join("release"), repository());
        let lib = root.join(&self.libdir);
        put(&read(&built.join("libzmq.so"))?, &lib.join(SHARED), 0o755)?;
        link(SHARED, &lib.join(SONAME))?;
        link(SONAME, &lib.join("libzmq.so"))?;
        put(&read(archive)?, &lib.join("libzmq.a"), 0o644)?;
        put(&read(&built.join("fzmq"))?, &root.join("bin/fzmq"), 0o755)?;
        for header in ["zmq.h", "zmq_utils.h"] {
            let from = source.join("crates/libzmq/include").join(header);
            put(&read(&from)?, &root.join("include").join(header), 0o644)?;
        }
        for text in ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "CHANGELOG.md"] {
            put(&read(&source.join(text))?, &root.join("share/doc/ferrozmq").join(text), 0o644)?;
        }
        put(&read(&source.join("crates/cli/fzmq.1"))?, &root.join("share/man/man1/fzmq.1"), 0o644)?;
        put(self.fill("libzmq.pc")?.as_bytes(), &lib.join("pkgconfig/libzmq.pc"), 0o644)?;
        for name in ["ZeroMQConfig.cmake", "ZeroMQConfigVersion.cmake", "ZeroMQTargets.cmake"] {
            put(self.fill(name)?.as_bytes(), &lib.join("cmake/ZeroMQ").join(name), 0o644)?;
        }
        Ok(())
    }

    /// The text of a file of `crates/libzmq/package` for this place.
    fn fill(&self, name: &str) -> Result<String, String> {
        let template = read(&repository().join(format!("crates/libzmq/package/{name}.in")))?;
        let template = String::from_utf8(template).map_err(|e| format!("{name}.in: {e}"))?;
        let text = |path: &Path| {
            path.to_str().map(str::to_owned).ok_or_else(|| format!("{}: not UTF-8", path.display()))
        };
        let to_prefix = vec![".."; self.libdir.components().count() + 2].join("/");
        let separator = if name.ends_with(".cmake") { ";" } else { " " };
        let values = [
            ("@PREFIX@", text(&self.prefix)?),
            ("@LIBDIR@", text(&self.libdir)?),
            ("@TO_PREFIX@", to_prefix),
            ("@VERSION@", version()?),
            ("@SHARED@", SHARED.to_owned()),
            ("@SONAME@", SONAME.to_owned()),
            ("@PRIVATE_LIBS@", PRIVATE_LIBS.join(separator)),
            ("@POINTER_SIZE@", size_of::<usize>().to_string()),
        ];
        Ok(values.iter().fold(template, |text, (variable, value)| text.replace(variable, value)))
    }
}

/// The version that `zmq.h` says it is.
fn version() -> Result<String, String> {
    let path = repository().join("crates/libzmq/include/zmq.h");
    let header = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let number = |name: &str| {
        header
            .lines()
            .find_map(|line| line.strip_prefix(&format!("#define ZMQ_VERSION_{name} ")))
            .map(str::trim)
    };
    let numbers: Option<Vec<&str>> = ["MAJOR", "MINOR", "PATCH"].map(number).into_iter().collect();
    numbers.map(|numbers| numbers.join(".")).ok_or_else(|| format!("{}: no version", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Writes a file, in the place of what was there.
fn put(content: &[u8], path: &Path, mode: u32) -> Result<(), String> {
    replace(path, |new| {
        fs::write(new, content)?;
        fs::set_permissions(new, Permissions::from_mode(mode))
    })
}

/// Makes a symbolic link, in the place of what was there.
fn link(to: &str, path: &Path) -> Result<(), String> {
    replace(path, |new| symlink(to, new))
}

fn replace(path: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), String> {
    let new = path.with_extension("new");
    let made = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        let _ = fs::remove_file(&new);
        make(&new)?;
        fs::rename(&new, path)
    };
    made().map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Layout, version};
    use std::path::Path;

    fn layout(line: &str) -> Result<Layout, String> {
        Layout::parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn the_prefix_is_below_the_destination_directory() {
        assert_eq!(layout("").unwrap().root(), Path::new("/usr/local"));
        assert_eq!(layout("--prefix /usr --destdir /tmp/p").unwrap().root(), Path::new("/tmp/p/usr"));
        assert!(layout("--destdir p").unwrap().root().is_absolute());
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert!(layout("--prefix relative").unwrap_err().contains("relative"));
        assert!(layout("--libdir ../lib").unwrap_err().contains("../lib"));
        assert!(layout("--libdir /lib").unwrap_err().contains("/lib"));
        assert!(layout("--prefix").unwrap_err().contains("usage"));
        assert!(layout("--root /").unwrap_err().contains("usage"));
    }

    #[test]
    fn files_name_the_final_place_and_no_variable_is_left() {
        let layout = layout("--prefix /opt/zmq --libdir lib/triplet --destdir /tmp/package").unwrap();
        let config = layout.fill("libzmq.pc").unwrap();
        assert!(config.starts_with("prefix=/opt/zmq\n"), "{config}");
        assert!(config.contains("libdir=${exec_prefix}/lib/triplet\n"), "{config}");
        assert!(config.contains(&format!("Version: {}\n", version().unwrap())), "{config}");
        let targets = layout.fill("ZeroMQTargets.cmake").unwrap();
        assert!(targets.contains("/../../../..\""), "{targets}");
        for name in ["libzmq.pc", "ZeroMQConfig.cmake", "ZeroMQConfigVersion.cmake", "ZeroMQTargets.cmake"] {
            assert!(!layout.fill(name).unwrap().contains('@'), "{name}");
        }
    }
}
