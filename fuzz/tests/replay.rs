//! Every file of the corpus, and a fixed number of mutations, through every target.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use ferrozmq_fuzz::{TARGETS, Target, mutate::Random, seeds, target};

fn corpus_of(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no corpus for {}", target.name);
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Says which input it was if the target panics.
fn run(target: &Target, name: &str, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        panic!("target {}, {name}: {}", target.name, input.escape_ascii());
    }
}

/// Run again with a number in `FUZZ_SEED` for other mutations, and in `FUZZ_TIMES` for more of them.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn replay(name: &str) {
    let target = target(name).unwrap();
    let corpus = corpus_of(target);
    for (path, input) in &corpus {
        run(target, &path.display().to_string(), input);
    }
    let mut random = Random::new(number("FUZZ_SEED", 0x5EED));
    let corpus: Vec<_> = corpus.into_iter().map(|(_, input)| input).collect();
    for at in 0..u64::from(target.mutations) * number("FUZZ_TIMES", 1) {
        run(target, &format!("mutation {at}"), &random.mutation(&corpus));
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

replays! { handshake traffic commands metadata socks endpoint datagram z85 options subscriptions message chunk log inbox session }

#[test]
fn the_seeds_are_committed_as_they_are_described() {
    for seed in seeds::seeds() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(seed.path());
        let committed = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(committed == seed.bytes, "{} differs: run the seeds program", path.display());
    }
}

#[test]
fn every_target_has_a_wrapper_for_libfuzzer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cargo-fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        let name = target.name;
        let wrapper = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(wrapper.contains(&format!("\"{name}\"")), "{name}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
