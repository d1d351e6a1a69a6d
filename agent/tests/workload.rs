//! Load shapes, traces and arrival times.

use std::fs;

use agent::rng::Stream;
use agent::workload::{
    Emit, Load, Profile, Shape, WorkloadArgs, arrivals, read_trace, run, write_arrivals, write_rates,
};
use clap::Parser;

const LOAD: Load = Load { low_rps: 2.0, high_rps: 12.0, periods: 2.0, duration_s: 400.0, bin_s: 1.0 };

fn profile(shape: Shape) -> Profile {
    shape.profile(&LOAD, &mut Stream::new(1, "shape", 0)).expect("a load within range")
}

#[test]
fn shapes_pass_through_the_rates_that_their_names_promise() {
    // (shape, [(second, rate)])
    let table: [(Shape, &[(f64, f64)]); 8] = [
        (Shape::Constant, &[(0.0, 12.0), (399.0, 12.0)]),
        (Shape::Step, &[(0.0, 2.0), (199.0, 2.0), (200.0, 12.0), (399.0, 12.0)]),
        (Shape::Ramp, &[(0.0, 2.0), (200.0, 7.0), (399.0, 12.0)]),
        (Shape::Sinusoid, &[(0.0, 2.0), (50.0, 7.0), (100.0, 12.0), (200.0, 2.0), (300.0, 12.0)]),
        (Shape::Bimodal, &[(0.0, 2.0), (60.0, 12.0), (100.0, 2.3), (140.0, 9.0), (260.0, 12.0)]),
        (Shape::Square, &[(0.0, 2.0), (100.0, 12.0), (200.0, 2.0), (399.0, 12.0)]),
        (Shape::Sawtooth, &[(0.0, 2.0), (199.0, 12.0), (200.0, 2.0), (300.0, 7.0)]),
        (Shape::FlashCrowd, &[(0.0, 2.0), (79.0, 2.0), (84.0, 12.0), (108.0, 5.7), (190.0, 2.1)]),
    ];
    for (shape, points) in table {
        let profile = profile(shape);
        for &(second, rate) in points {
            let played = profile.rate_at(second);
            assert!((played - rate).abs() < 0.35, "{shape:?} at {second} s: {played} instead of {rate}");
        }
    }
}

#[test]
fn every_shape_stays_between_low_and_high_and_lasts_as_long_as_asked() {
    for shape in Shape::FORMULAS {
        let profile = profile(shape);
        assert_eq!(profile.duration_s(), 400.0, "{shape:?}");
        for (second, rate) in profile.rates().iter().enumerate() {
            assert!((2.0 - 1e-9..=12.0 + 1e-9).contains(rate), "{shape:?} at {second} s: {rate}");
        }
        assert_eq!((profile.rate_at(-1.0), profile.rate_at(400.0)), (0.0, 0.0), "{shape:?}: nothing outside");
    }
    let walk = profile(Shape::RandomWalk);
    let (low, high) = walk.rates().iter().fold((f64::INFINITY, 0.0_f64), |(l, h), &r| (l.min(r), h.max(r)));
    assert!(high - low > 3.0, "a walk walks: {low} .. {high}");
}

#[test]
fn figures_out_of_range_are_refused_by_name() {
    let table = [
        ("low rate must be 0 or more requests/s, it is -1", Load { low_rps: -1.0, ..LOAD }),
        ("high rate must be at least the low rate, it is 1", Load { high_rps: 1.0, ..LOAD }),
        ("periods must be above 0, it is 0", Load { periods: 0.0, ..LOAD }),
        ("duration must be above 0 s, it is NaN", Load { duration_s: f64::NAN, ..LOAD }),
        ("bin length must be above 0 s, it is inf", Load { bin_s: f64::INFINITY, ..LOAD }),
        ("bins must be at most 50000000, it is", Load { bin_s: 1e-9, ..LOAD }),
    ];
    for (message, load) in table {
        let error = Shape::Ramp.profile(&load, &mut Stream::new(1, "shape", 0)).expect_err(message).to_string();
        assert!(error.starts_with(message), "{error} instead of {message}");
    }
    assert!(Shape::Trace.profile(&LOAD, &mut Stream::new(1, "shape", 0)).is_err(), "a trace has no formula");
    assert!(Profile::new(1.0, vec![1.0, f64::NAN]).is_err());
}

#[test]
fn arrivals_are_poisson_around_the_profile() {
    let profile = Profile::new(50.0, [4.0, 0.0, 16.0, 8.0].repeat(500)).expect("a load");
    let times = arrivals(&profile, profile.duration_s(), 9);
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "ascending");
    let mut counts = vec![0_u32; 2000];
    times.iter().for_each(|time| counts[(time / 50.0) as usize] += 1);
    for (phase, rate) in [4.0, 0.0, 16.0, 8.0].into_iter().enumerate() {
        let counts: Vec<f64> = counts.iter().skip(phase).step_by(4).map(|&count| f64::from(count)).collect();
        let mean = counts.iter().sum::<f64>() / 500.0;
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 499.0;
        let expected = rate * 50.0;
        assert!((mean - expected).abs() <= 4.0 * (expected / 500.0).sqrt(), "rate {rate}: mean {mean}");
        assert!((variance - expected).abs() <= 0.25 * expected, "rate {rate}: variance {variance} of {expected}");
    }
}

/// Times on the axis of the integrated rate, where a Poisson process of any rate becomes one of rate 1.
fn rescaled(times: &[f64], profile: &Profile) -> Vec<f64> {
    let mut passed = vec![0.0];
    for rate in profile.rates() {
        passed.push(passed[passed.len() - 1] + rate * profile.bin_s());
    }
    let at = |time: f64| {
        let bin = (time / profile.bin_s()) as usize;
        passed[bin] + profile.rates()[bin] * (time - bin as f64 * profile.bin_s())
    };
    times.iter().map(|&time| at(time)).collect()
}

/// Of rescaled times, each of which is about 1 when they are Poisson, too large when they are not: the Kolmogorov-Smirnov
/// distance of the gaps from exponential(1), over its 0.1 % point; how far gaps depend on the gap before, over 3.3 standard
/// errors; how far the variance of counts is from their mean, over 3.3 standard errors.
fn unlike_poisson(rescaled: &[f64]) -> [f64; 3] {
    let gaps: Vec<f64> = rescaled.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let n = gaps.len() as f64;
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    let distance = sorted.iter().enumerate().map(|(i, gap)| {
        let expected = 1.0 - (-gap).exp();
        (expected - i as f64 / n).max((i + 1) as f64 / n - expected)
    });
    let distance = distance.fold(0.0, f64::max) * n.sqrt() / 1.95;
    let correlation = gaps.windows(2).map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0)).sum::<f64>() / n;
    let mut counts = vec![0.0; (rescaled[rescaled.len() - 1] / 10.0) as usize];
    let windows = counts.len() as f64;
    rescaled.iter().for_each(|time| counts.get_mut((time / 10.0) as usize).into_iter().for_each(|count| *count += 1.0));
    let mean = counts.iter().sum::<f64>() / windows;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (windows - 1.0);
    let dispersion = (variance / mean - 1.0).abs() / (2.0 / windows).sqrt() / 3.3;
    [distance, correlation.abs() * n.sqrt() / 3.3, dispersion]
}

#[test]
fn on_the_axis_of_the_integrated_rate_gaps_are_exponential_independent_and_counts_not_dispersed() {
    let load = Load { duration_s: 8000.0, periods: 5.0, ..LOAD };
    let profile = Shape::Sinusoid.profile(&load, &mut Stream::new(1, "shape", 0)).expect("a load within range");
    let times = arrivals(&profile, profile.duration_s(), 11);
    assert!(times.len() > 50_000, "{} times", times.len());
    let poisson = unlike_poisson(&rescaled(&times, &profile));
    assert!(poisson.iter().all(|unlike| *unlike < 1.0), "{poisson:?}");

    // What the figures are for: times that have the rate, and are no Poisson process.
    let drawn = rescaled(&times, &profile);
    let even: Vec<f64> = (0..drawn.len()).map(|i| i as f64).collect();
    let flat = rescaled(&times, &Profile::new(8000.0, vec![times.len() as f64 / 8000.0]).expect("a load"));
    let moody = profile.clone().overdispersed(1.5, &mut Stream::new(1, "dispersion", 0));
    let moody = rescaled(&arrivals(&moody, 8000.0, 11), &profile);
    println!("poisson {poisson:?}");
    for (what, figure, times) in
        [("evenly spaced", 0, even), ("the rate unknown", 1, flat), ("over-dispersed", 2, moody)]
    {
        let unlike = unlike_poisson(&times);
        println!("{what} {unlike:?}");
        assert!(unlike[figure] > 2.0, "{what}: {unlike:?}");
    }
}

#[test]
fn over_dispersed_arrivals_vary_as_told_and_keep_their_mean() {
    let profile = Profile::new(10.0, vec![5.0; 4000]).expect("a load");
    let profile = profile.overdispersed(3.0, &mut Stream::new(1, "dispersion", 0));
    let mut counts = vec![0_u32; 4000];
    arrivals(&profile, 40_000.0, 2).iter().for_each(|time| counts[(time / 10.0) as usize] += 1);
    let mean = counts.iter().map(|&count| f64::from(count)).sum::<f64>() / 4000.0;
    let variance = counts.iter().map(|&count| (f64::from(count) - mean).powi(2)).sum::<f64>() / 3999.0;
    assert!((mean / 50.0 - 1.0).abs() < 0.02 && (variance / mean / 3.0 - 1.0).abs() < 0.1, "{variance} / {mean}");
}

#[test]
fn the_same_seed_gives_the_same_arrivals_and_a_longer_run_begins_alike() {
    let profile = profile(Shape::Sinusoid);
    let times = arrivals(&profile, 400.0, 3);
    assert_eq!(times, arrivals(&profile, 400.0, 3));
    assert_ne!(times, arrivals(&profile, 400.0, 4));
    let shorter = arrivals(&profile, 123.4, 3);
    assert!(shorter.iter().all(|&time| time < 123.4) && times.starts_with(&shorter) && times[shorter.len()] >= 123.4);
    assert!(arrivals(&profile, 0.0, 3).is_empty());
}

#[test]
fn the_first_arrivals_of_a_seed_never_change() {
    let times = arrivals(&Profile::new(1.0, vec![2.0; 10]).expect("a load"), 10.0, 1);
    let text: Vec<String> = times.iter().take(4).map(|time| format!("{time:.6}")).collect();
    assert_eq!(
        text,
        ["0.547001", "1.597082", "1.991679", "2.355268"],
        "JMeter, the demo and recorded results rely on it"
    );
}

fn trace(text: &str) -> Result<Profile, String> {
    let folder = tempfile::tempdir().expect("a fresh folder");
    let path = folder.path().join("trace.csv");
    fs::write(&path, text).expect("a written trace");
    read_trace(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
}

#[test]
fn a_trace_of_minutes_or_seconds_becomes_rates_and_gaps_are_silence() {
    let minutes = trace("minute,requests\n10,120\n11,60\n14,6\n").expect("a good trace");
    assert_eq!((minutes.bin_s(), minutes.rates()), (60.0, &[2.0, 1.0, 0.0, 0.0, 0.1][..]));
    let seconds = trace("second, requests\n0, 3\n1, 0.5\n").expect("a good trace");
    assert_eq!((seconds.bin_s(), seconds.rates()), (1.0, &[3.0, 0.5][..]));
    assert_eq!(seconds.with_peak(6.0).truncated(0.5).rates(), &[6.0]);
}

#[test]
fn bad_traces_are_refused_with_line_and_value() {
    let table = [
        (
            "hour,requests\n1,1\n",
            "the header of the trace FILE must be \"second,requests\" or \"minute,requests\", it is \"hour,requests\"",
        ),
        ("", "the header of the trace FILE must be"),
        ("second,requests\n0,1\nx,1\n", "line 3 of the trace FILE: time \"x\" is not a whole number, 0 or more"),
        ("second,requests\n-1,1\n", "line 2 of the trace FILE: time \"-1\" is not a whole number, 0 or more"),
        ("second,requests\n0,-3\n", "line 2 of the trace FILE: requests \"-3\" is not a number, 0 or more"),
        ("second,requests\n0,NaN\n", "line 2 of the trace FILE: requests \"NaN\" is not a number, 0 or more"),
        ("second,requests\n5,1\n5,1\n", "line 3 of the trace FILE: time 5 does not come after the times before it"),
        ("second,requests\n5,1\n4,1\n", "line 3 of the trace FILE: time 4 does not come after the times before it"),
        ("second,requests\n0,1\n99999999999,1\n", "line 3 of the trace FILE: time 99999999999 is more than"),
        ("second,requests\n0,1,2\n", "cannot read the trace FILE"),
    ];
    for (text, message) in table {
        let error = trace(text).expect_err(message);
        assert!(error.starts_with(message), "{error} instead of {message}");
    }
    let error = read_trace("/nowhere/trace.csv".as_ref()).expect_err("no such file").to_string();
    assert_eq!(error, "cannot open the trace /nowhere/trace.csv");
}

#[test]
fn rates_and_arrivals_are_written_as_csv() {
    let (mut rates, mut times) = (Vec::new(), Vec::new());
    write_rates(&Profile::new(0.5, vec![1.0, 2.25]).expect("a load"), &mut rates).expect("a writable buffer");
    write_arrivals(&[0.25, 1.5], &mut times).expect("a writable buffer");
    assert_eq!(String::from_utf8_lossy(&rates), "second,rate\n0.000,1.000000\n0.500,2.250000\n");
    assert_eq!(String::from_utf8_lossy(&times), "second\n0.250000\n1.500000\n");
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: WorkloadArgs,
}

/// Runs the command with its output in a fresh folder.
fn command(arguments: &[&str]) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a fresh folder");
    let output = folder.path().join("out.csv");
    let output = output.to_str().expect("a path in words");
    let args = ["workload", "--output", output].into_iter().chain(arguments.iter().copied());
    let command = Command::try_parse_from(args).map_err(|error| error.to_string())?;
    run(&command.args).map_err(|error| error.to_string())?;
    Ok(fs::read_to_string(output).expect("a written file"))
}

#[test]
fn the_command_writes_what_the_library_draws() {
    let sinusoid = ["--low-rps", "2", "--high-rps", "12", "--periods", "2", "--duration-s", "400", "--seed", "5"];
    let written = command(&sinusoid).expect("good arguments");
    let drawn = arrivals(&profile(Shape::Sinusoid), 400.0, 5);
    assert_eq!(written.lines().count(), drawn.len() + 1);
    assert_eq!(written.lines().nth(1), Some(format!("{:.6}", drawn[0]).as_str()));
    let rates = command(&[&sinusoid[..], &["--emit", "rates", "--shape", "flash-crowd"]].concat()).expect("good");
    assert_eq!((rates.lines().next(), rates.lines().count()), (Some("second,rate"), 401));
    assert_eq!(Command::parse_from(["workload"]).args.emit, Emit::Arrivals);
}

#[test]
fn the_command_names_what_it_cannot_do() {
    let table: [(&[&str], &str); 5] = [
        (&["--shape", "trace"], "--shape trace needs --trace FILE"),
        (&["--trace", "x.csv"], "--trace is played with --shape trace only"),
        (&["--shape", "trace", "--trace", "/nowhere.csv"], "cannot open the trace /nowhere.csv"),
        (&["--low-rps", "20"], "high rate must be at least the low rate, it is 10"),
        (&["--high-rps", "1000000", "--shape", "constant"], "600000000 requests are more than the 50000000"),
    ];
    for (arguments, message) in table {
        let error = command(arguments).expect_err(message);
        assert!(error.starts_with(message), "{error} instead of {message}");
    }
}
