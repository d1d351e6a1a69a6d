//! The end of a window by counters: told of all pods that serve and count in the window, or not told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::scrapes::{Pod, Scene, close, counters, matrix, series_of};

#[tokio::test]
async fn the_end_of_the_window_is_what_the_last_scrapes_of_all_pods_show() {
    let scene = Scene::new(&["aaaaa", "bbbbb"], 1);
    // In the last 15 s 30 and 60 requests of 0.1 s, 0.25 s with their waits, where in the whole minute it was 60 each.
    let pods: [Pod<'_>; 2] = [
        ("aaaaa", &[(-8.0, 100.0), (37.0, 130.0), (52.0, 160.0)]),
        ("bbbbb", &[(-5.0, 100.0), (40.0, 100.0), (55.0, 160.0)]),
    ];
    let check = scene.check(60.0, counters(&pods)).await.unwrap();
    let recent = check.decision.unwrap().request.recent.unwrap();
    assert!((recent.window_s - 15.0).abs() < 1e-9, "{recent:?}");
    assert!((recent.utilization - 90.0 * 0.1 / 15.0 / 2.0).abs() < 1e-9, "{recent:?}");
    assert!((recent.pressure - 0.25 / check.threshold).abs() < 1e-9, "{recent:?}");
    assert!((check.utilization - 120.0 * 0.1 / 60.0 / 2.0).abs() < 1e-9, "the whole: {}", check.utilization);
}

#[tokio::test]
async fn the_end_of_the_window_is_known_of_all_pods_that_serve_or_of_none() {
    // Both serve one request of 0.1 s a second, and in their last 15 s two.
    let every = |seconds: f64, newest: f64| -> Vec<(f64, f64)> {
        let count = |at: f64| at + 30.0 + (at - (newest - 15.0)).max(0.0);
        let samples = (0..).map(|i| newest - seconds * f64::from(i)).take_while(|at| *at >= -20.0);
        let mut samples: Vec<_> = samples.map(|at| (at, count(at))).collect();
        samples.reverse();
        samples
    };
    let without_last = |mut samples: Vec<(f64, f64)>| {
        samples.pop();
        samples
    };
    let table = [
        ("at the same time", every(15.0, 58.0), every(15.0, 58.0), Some(0.2)),
        ("in turn", every(15.0, 58.0), every(15.0, 46.0), Some(0.2)),
        ("one has missed a scrape", every(15.0, 58.0), without_last(every(15.0, 58.0)), Some(0.15)),
        ("one has missed two and more", every(15.0, 58.0), every(15.0, 27.0), None),
        ("every 20 s, in turn", every(20.0, 58.0), every(20.0, 46.0), Some(0.175)),
        ("every 30 s: too seldom", every(30.0, 58.0), every(30.0, 40.0), None),
    ];
    println!("{:<28} utilization of the end", "two pods, scraped");
    for (what, a, b, expected) in table {
        let scene = Scene::new(&["aaaaa", "bbbbb"], 1);
        let check = scene.check(60.0, counters(&[("aaaaa", a.as_slice()), ("bbbbb", b.as_slice())])).await.unwrap();
        let recent = check.decision.unwrap().request.recent.map(|recent| recent.utilization);
        println!("{what:<28} {recent:?}");
        assert!(
            recent.zip(expected).map_or(recent == expected, |(found, wanted)| (found - wanted).abs() < 1e-9),
            "{what}"
        );
    }
    // One that is gone has no part in it, but for just now.
    for (newest, expected) in [(40.0, 0.2), (50.0, 0.4)] {
        let scene = Scene::new(&["aaaaa"], 1);
        let gone = every(15.0, newest);
        let pods: [Pod<'_>; 2] = [("aaaaa", &every(15.0, 58.0)), ("zzzzz", &gone)];
        let recent = scene.check(60.0, counters(&pods)).await.unwrap().decision.unwrap().request.recent.unwrap();
        assert!((recent.utilization - expected).abs() < 1e-9, "gone since second {newest}: {recent:?}");
    }
}

#[tokio::test]
async fn of_a_pod_that_was_scraped_once_the_end_of_the_window_is_known_when_it_has_just_started() {
    let old: [f64; 6] = [43.0, 58.0, 73.0, 88.0, 103.0, 118.0];
    let old: Vec<_> = old.iter().map(|at| (*at, at + 30.0)).collect();
    let share = 15.0 * 0.1 / 15.0 / 2.0;
    // One request a second at the old pod; of 0.1 s at the new one: 20 since its start, which is all that its first scrape can say.
    let table = [
        ("started 10 s before its scrape", 108.0, Some((15.0 + 20.0 * 15.0 / 15.0) * 0.1 / 15.0 / 2.0)),
        ("started 25 s before its scrape", 93.0, Some((15.0 + 20.0 * 15.0 / 25.0) * 0.1 / 15.0 / 2.0)),
        ("started 50 s before its scrape", 68.0, None),
        ("not scraped yet", f64::NAN, Some(share)),
    ];
    for (what, start_s, expected) in table {
        let scene = Scene::new(&["aaaaa"], 1);
        scene.check(60.0, counters(&[("aaaaa", &old[..2])])).await.unwrap();
        let scene = scene.with(&["aaaaa", "bbbbb"], 1);
        let mut says = series_of(&("aaaaa", &old), -3600.0);
        if start_s.is_finite() {
            says.extend(series_of(&("bbbbb", &[(118.0, 20.0)]), start_s));
        }
        let recent = scene.check(120.0, matrix(&says)).await.unwrap().decision.unwrap().request.recent;
        let utilization = recent.map(|recent| recent.utilization);
        println!("{what:<32} {utilization:?}");
        assert!(
            utilization.zip(expected).map_or(utilization == expected, |(found, wanted)| close(found, wanted)),
            "{what}"
        );
    }
}
