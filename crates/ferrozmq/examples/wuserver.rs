//! A weather server: publishes invented weather of random places, as fast as it can.

mod chapter;
use chapter::{Dice, announce, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut publisher = ctx.publisher().bind(setting("WEATHER", "tcp://*:5556"))?;
        announce("WEATHER", publisher.last_endpoint());
        let mut dice = Dice::new();
        loop {
            let zip_code = dice.between(0, 99_999);
            let (temperature, humidity) = (dice.between(-40, 50), dice.between(10, 90));
            publisher.send(format!("{zip_code:05} {temperature} {humidity}"))?;
        }
    })
}
