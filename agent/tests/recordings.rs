//! Recorded loads: reading, cutting, splitting, scaling.

use std::fs;

use agent::workload::{Part, Recording, Split};

fn recording(text: &str) -> Result<Recording, String> {
    let folder = tempfile::tempdir().expect("a fresh folder");
    let path = folder.path().join("load.csv");
    fs::write(&path, text).expect("a written trace");
    Recording::read(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
}

#[test]
fn the_width_of_a_bin_is_the_usual_step_and_a_longer_step_cuts() {
    let load = recording("minute,requests\n10,300\n15,600\n20,0\n60,900\n65,30\n").expect("a good trace");
    assert_eq!((load.name(), load.bin_s(), load.days()), ("load", 300.0, 1));
    let parts: Vec<(f64, &[f64])> =
        load.segments().iter().map(|segment| (segment.start_s, segment.profile.rates())).collect();
    assert_eq!(parts, [(0.0, &[1.0, 2.0, 0.0][..]), (3000.0, &[3.0, 0.1][..])]);
    assert_eq!(load.day(0).len(), 2, "no episode goes over a gap");
    let seconds = recording("second,requests\n0,41\n30,1\n60,2\n").expect("a good trace");
    assert_eq!((seconds.bin_s(), seconds.segments().len()), (30.0, 1));
}

#[test]
fn days_are_cut_at_midnight_of_the_recording_and_lose_no_bin() {
    let rows: String = (0..2000).map(|minute| format!("{minute},{minute}\n")).collect();
    let load = recording(&format!("minute,requests\n{rows}")).expect("a good trace");
    assert_eq!(load.days(), 2);
    let days: Vec<Vec<f64>> =
        (0..3).map(|day| load.day(day).iter().flat_map(|p| p.rates().to_vec()).collect()).collect();
    assert_eq!(days.iter().map(Vec::len).collect::<Vec<_>>(), [1440, 560, 0]);
    assert_eq!((days[0][1439], days[1][0]), (1439.0 / 60.0, 1440.0 / 60.0));
}

#[test]
fn bad_recordings_are_refused_with_file_line_and_value() {
    let table = [
        ("hour,requests\n1,1\n", "the header of the trace FILE must be"),
        ("second,requests\n", "the trace FILE must have at least two rows"),
        ("second,requests\n7,1\n", "the trace FILE must have at least two rows"),
        ("second,requests\n0,1\n5,1\n10,1\n12,1\n", "line 5 of the trace FILE: time 12 is 2 after the one before it"),
        ("second,requests\n0,1\n5,x\n", "line 3 of the trace FILE: requests \"x\" is not a number, 0 or more"),
        ("second,requests\n5,1\n5,1\n", "line 3 of the trace FILE: time 5 does not come after the times before it"),
    ];
    for (text, message) in table {
        let error = recording(text).expect_err(message);
        assert!(error.starts_with(message), "{error} instead of {message}");
    }
    let folder = tempfile::tempdir().expect("a fresh folder");
    let error = Recording::read_folder(folder.path()).expect_err("an empty folder").to_string();
    assert!(error.starts_with("there is no *.csv in the folder of traces"), "{error}");
    fs::write(folder.path().join("b.csv"), "minute,requests\n0,1\n1,1\n").expect("a written trace");
    fs::write(folder.path().join("a.csv"), "minute,requests\n0,1\n1,1\n").expect("a written trace");
    fs::write(folder.path().join("split.csv"), "trace,part\na,train\n").expect("a written split");
    let loads = Recording::read_folder(folder.path()).expect("two traces");
    assert_eq!(loads.iter().map(Recording::name).collect::<Vec<_>>(), ["a", "b"], "by name, without the split");
}

#[test]
fn no_day_is_both_tested_on_and_tuned_on() {
    let published = Recording::published().expect("every built-in trace is readable");
    let split = Split::published().expect("the built-in split is readable");
    assert_eq!(published.len(), 6);
    for load in &published {
        let (test, train) = split.days(load);
        let mut all: Vec<u32> = train.iter().chain(&test).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..load.days()).collect::<Vec<_>>(), "{}", load.name());
    }
    let nab = published.iter().find(|load| load.name().starts_with("nab")).expect("NAB is built in");
    assert_eq!((split.part(nab), split.days(nab).0.len(), split.days(nab).1.len()), (Part::LastThird, 19, 36));
    assert_eq!(Split::default().part(nab), Part::LastThird, "55 days");
    assert_eq!(Split::default().part(&published[0]), Part::Test, "an hour");
}

#[test]
fn bad_splits_are_refused_with_file_line_and_value() {
    let table = [
        ("trace,part\na,both\n", "line 2 of the trace FILE: part \"both\" is none of test, train, last-third"),
        ("trace,part\na,test\na,train\n", "line 3 of the trace FILE: trace \"a\" is there twice"),
    ];
    for (text, message) in table {
        let folder = tempfile::tempdir().expect("a fresh folder");
        let path = folder.path().join("split.csv");
        fs::write(&path, text).expect("a written split");
        let error = Split::read(&path).expect_err(message).to_string();
        assert_eq!(error.replace(&path.display().to_string(), "FILE"), message);
    }
}

#[test]
fn a_sized_recording_has_its_peak_minute_where_it_is_asked_for() {
    for load in Recording::published().expect("readable") {
        let (name, low) = (load.name().to_owned(), load.mean_rps() < 10.0);
        let sized = load.sized(37.5).expect("a peak above 0");
        assert!(sized.bin_s() <= 10.0, "{name}: {} s", sized.bin_s());
        let mut minutes: Vec<f64> = Vec::new();
        for segment in sized.segments() {
            let bins = (60.0 / sized.bin_s()).round() as usize;
            minutes.extend(segment.profile.rates().chunks(bins).map(|bin| bin.iter().sum::<f64>() / bin.len() as f64));
        }
        let above = minutes.iter().filter(|rate| **rate > 37.5 * 1.001).count();
        // Straight lines cut the peaks of wide bins off, and keep them else.
        assert!(above <= minutes.len() / 150, "{name}: {above} of {} minutes are above the peak", minutes.len());
        assert!(minutes.iter().any(|rate| *rate > 0.9 * 37.5), "{name} does not come near its peak; low rate: {low}");
    }
    let flat = Recording::published().expect("readable").swap_remove(0).sized(0.0).expect_err("no peak").to_string();
    assert_eq!(flat, "peak must be above 0 requests/s, it is 0");
}
