//! A weather client: the mean temperature over some updates of one place.

mod chapter;
use chapter::{number, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let filter = setting("FILTER", "10001");
        let mut updates =
            ctx.subscriber().subscribe(&filter).connect(setting("WEATHER", "tcp://localhost:5556"))?;
        let count = number("COUNT", 100);
        let mut total = 0;
        for _ in 0..count {
            let update = updates.recv()?;
            let update = update.to_string_lossy();
            assert!(update.starts_with(&filter), "not asked for: {update}");
            let temperature = update.split(' ').nth(1).and_then(|t| t.parse::<i64>().ok());
            total += temperature.expect("zip code, temperature, humidity");
        }
        println!("mean temperature of {filter} over {count} updates: {}", total / count.max(1) as i64);
        Ok(())
    })
}
