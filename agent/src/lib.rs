//! The agent: a deep reinforcement learning policy that answers a replica count.
//!
//! ```text
//! agent serve      POST /action: state -> replica count, with its grounds; with --policy by a rule
//! agent train      rollout policy iteration in the simulator -> a checkpoint and its card
//! agent rival      the textbook's agents, QR-DQN and PPO, to be compared with it
//! agent evaluate   the learned policy against the rules and a clairvoyant bound, on the same arrivals
//! agent simulate   one schedule of arrivals under one policy, to hold a run on a cluster against
//! agent tune       the best settings of a rule for one deployment, as `serve --policy` takes them
//! agent workload   load shapes and seeded arrival times
//! ```
//!
//! # The decision problem
//!
//! Once per check interval the scaler tells what it saw and asks for a replica count. The problem is partially observable
//! (queues, start-ups and the future load are hidden), so the state is a window of observations; requests wait, pods
//! start late, and an order is felt for several checks, so it is a sequential one.
//!
//! ## Observation
//!
//! All numbers are without dimension. `a = utilization n` is the offered load in erlangs, `D` the mean service time, `n`
//! the ready pods, `o` the replicas ordered, `max` the most that may be, `b = a (R - D) / interval` the backlog: pods that
//! the waiting work keeps busy for one check. Logarithms of loads are of `a + 0.1`, ratios are cut at `exp(+-4)`.
//!
//! | index | name | formula |
//! |---|---|---|
//! | `8 i + 0`, check `i` back, `i = 0..7` | load against now | `ln(a_i / a_0)` |
//! | `8 i + 1` | utilization | `min(u_i, 2)` |
//! | `8 i + 2` | pressure | `ln(1 + p_i)` |
//! | `8 i + 3` | queue length | `0.3 ln(1 + q_i)` |
//! | `8 i + 4` | pods against now | `ln(n_i / n_0)` |
//! | `8 i + 5` | pending orders | `ln(o_i / n_i)` |
//! | `8 i + 6` | jitter and missed checks | intervals to the check after it, less 1 |
//! | `8 i + 7` | validity | 1, or 0 where the oldest check is repeated |
//! | 64 | load | `0.4 ln a` |
//! | 65 | load of the full cluster | `a / max` |
//! | 66 | size | `0.3 ln max` |
//! | 67 | requests in a check | `0.2 ln(interval / D)`, 0 when unknown |
//! | 68 | slack | `0.4 ln(threshold / D - 1)` |
//! | 69, 70 | threshold sent; service time known | flags |
//! | 71, 72 | backlog, its growth | `ln(1 + b / n)`, `(b_0 - b_1) / n` |
//! | 73, 74, 75 | ordered, starting, terminating | `(o - n) / n`, `starting / n`, `terminating / n` |
//! | 76, 77 | grain, share ordered | `1 / n`, `o / max` |
//! | 78 | checks since the last change | `min(k / 20, 1)` |
//! | 79, 80 | highest and mean load of 8 checks | `ln(x / a)` |
//! | 81, 82 | root mean square step of 8 checks, last step | `x / a` |
//! | 83 | noise of a count | `sqrt(a D / interval) / a` |
//! | 84, 85 | start-up of a pod; known | `0.4 ln(start-up / interval)`, flag |
//! | 86, 87 | pods by the queue formula at the load; with the last rise and the backlog | `ln(x / (a + 0.3))` |
//! | 88, 89 | noise of a count, mean step of 3 checks | `0.3 ln(0.003 + x / a)`, `x / a` |
//! | 90, 91, 92 | highest load of 16, 32, 64 checks | `ln(x / a)` |
//! | 93, 94 | mean of 64 checks: decayed by 0.93 a check, plain | `ln(x / a)` |
//! | 95, 96, 97 | steps of `ln a` over 64 checks | root mean square, largest, 4 x share above 0.3 |
//! | 98, 99 | length, height | checks / 64, highest load of 64 / `max` |
//! | 100, 101, 102 | mean load of the checks 9..16, 17..32, 33..64 | `ln(x / a)` |
//! | 103 | root mean square step of 64 checks | `x / a` |
//! | 104, 105 | waits over those of the queue formula, 64 and 8 checks | `ln x` |
//! | 106, 107 | highest utilization without, lowest with a violation, 64 checks | |
//! | 108, 109, 110 | steps of 8 checks, second differences of 8 and 64, root mean squares | `0.3 ln(0.003 + x / a)` |
//! | 111 | last step over the root mean square second difference of 8 | |
//! | 112 | end of the window sent | flag |
//! | 113, 114, 115 | load, pressure, backlog of the last quarter of the window | `ln(a' / a)`, `ln(1 + p')`, `ln(1 + b' / n)` |
//! | 116 | pods by the queue formula at the load ahead and that backlog | `ln(x / (a + 0.3))` |
//! | 117 .. 120 | required pods: median, 90 % and 98 % quantile | `ln` against `a + 0.3` and the median; 98 % / `max` |
//! | 121 | price | `ln(B / 3.5) / 1.4` |
//!
//! *The end of the window* is what was completed in its last quarter of an interval ([`scaler_core::Recent`]): the mean of a minute is half a minute
//! old, that of its last 15 s is 8. The load ahead is where a straight line through both is in the middle of the next window, `a' + 5/3 max(a' - a, 0)`.
//! Records tell it to the microsecond, counters as far as they are scraped (with `STATE_SOURCE=prometheus` it reaches from the newest scrape to that of a
//! quarter of an interval before). Where it is not sent, or is not 0.15 to 0.4 intervals long, the whole window stands in for it. The scaler does not send it
//! beside a utilization of Prometheus' CPU, nor where it does not know the length of the window or the end of a pod that serves.
//!
//! *Required pods* are a forecast of its own ([`required`]): the fewest replicas that, ordered now and never fewer after,
//! would have kept the next checks within the threshold. The simulator finds them exactly, by bisection over clones under
//! the same arrivals; networks learn eight quantiles of them from the numbers 0 to 116.
//!
//! A gap of more than 2.5 intervals cuts the history. Each number is centred and scaled by what the training data had,
//! and cut at its lowest and highest value there; `agent_features_out_of_range_total` counts such cuts. What a request
//! leaves out is filled in as [`rules::Reading`] says.
//!
//! ## Actions
//!
//! Replica counts: the required pods at each of the eight quantiles, a fifth below and a third above them; `ceil(m (a +
//! min(b, n)))` for m = 1.05, 1.5 and 2.2, whatever the forecast says; what is ordered and its neighbours; the fewest and the
//! most; and what the forecast alone would order: at most 19. A count enters the network as 22 numbers: 17 of [`features::ACTION_FEATURE_NAMES`] (against the load,
//! against what is ordered, the logarithm of the pressure that a queue formula expects of it, as the formula has it and as
//! queues turned out here), and where it lies among the required pods. So one network serves any `max`.
//!
//! ## Reward, horizon, end
//!
//! Two values per check, both to be made small:
//! - cost: billed pods / `max`, plus 0.02 x change / `max`;
//! - violation: [`simulator::smooth_violation`] of the mean response time of the requests that *arrived* in the check,
//!   unfinished ones included: 0 below 0.85 thresholds, 1 at 1.15, then growing with the logarithm.
//!
//! The score of an action is `cost + B violation`, and the lowest is chosen after the *doubt* is added: half a deviation, over
//! the networks, of how much worse the action is than what the forecast alone would order ([`learned`]). The price `B` of a violating check, in full clusters for one check, is
//! an input of the network and chosen at run time (`RISK`, 0.3 to 40): one network is the whole dial between cost and
//! violations. Values are discounted sums over 5 checks, and as many more as pass until an ordered pod is ready. An
//! autoscaler has no terminal state; an episode's last checks are played and never learnt from, so that no return is cut short.
//!
//! ## Guards
//!
//! After the network: no scale-in while the response time is above the threshold, or while pods are starting that should be
//! ready by now ([`learned::guard`]); the bounds hold by construction. A deployment outside of [`learned::DOMAIN`] is answered
//! by the calibrated rule. `explanation.overrideReason` says when, and why.
//!
//! # Learning
//!
//! [`train`] is rollout policy iteration: from a sampled state a clone of the simulation tries every candidate under the
//! same future arrivals and goes on under the current policy (first a quantile of the required pods, a supervised policy; then
//! the networks, on their own returns); the networks regress the returns, centred per state, so that the luck of the arrivals cancels. [`train::Hyperparameters`] has every
//! number, with the literature's value beside ours. Episodes are deployments drawn at random
//! ([`simulator::Scenario::randomised`] has the ranges): dynamics that vary, and a memory to tell them apart.
//!
//! Seeds: everything random comes from [`rng::Stream`]s named by `--seed`. The same seed gives the same checkpoint, byte
//! by byte, on the same kind of machine: products of matrices may be summed in another order on another processor.
//!
//! # Results
//!
//! All in the simulator.
//!
//! ## The shipped checkpoint
//!
//! `agent evaluate --set configurations --traces DIR --hours 4 --seeds 1 --checkpoint ...` with NASA-HTTP, Twitter and both WorldCup
//! recordings in `DIR` (the last third of the days of each) and four loads by formula. Five trainings, seeds 1 to 5
//! (`agent/checkpoints/seeds/`; 3 is the shipped one), one arrival seed, eight minutes on two cores.
//! Pod-minutes over the rule's at equal avoidable violations; intervals draw loads and trainings within each configuration:
//!
//! | configuration | generalist calibrated | generalist trend | home calibrated | home HPA, 15 s |
//! |---|---|---|---|---|
//! | base: at most 10 pods, D 0.2 s, threshold 0.5 s, start-up 10 s | 0.73 [0.72, 0.76] | 0.82 [0.78, 0.85] | 0.82 [0.81, 0.86] | 0.87 [0.82, 0.91] |
//! | start-up 1 s | 0.72 [0.71, 0.75] | 0.82 [0.79, 0.85] | 0.81 [0.80, 0.86] | 0.87 [0.83, 0.92] |
//! | start-up 45 s | 0.77 [0.74, 0.80] | 0.80 [0.78, 0.85] | 0.83 [0.81, 0.87] | 0.83 [0.81, 0.88] |
//! | start-up 60 s | 0.76 [0.75, 0.81] | 0.82 [0.78, 0.86] | 0.85 [0.76, 0.88] | 0.86 [0.81, 0.89] |
//! | start-up 90 s | 0.78 [0.74, 0.84] | 0.81 [0.76, 0.84] | 0.81 [0.75, 0.87] | 0.83 [0.78, 0.85] |
//! | service times x0.1 | 0.72 [0.71, 0.76] | 0.82 [0.78, 0.86] | 0.81 [0.72, 0.85] | 0.87 [0.82, 0.91] |
//! | service times x0.25 | 0.72 [0.71, 0.75] | 0.81 [0.78, 0.85] | 0.81 [0.72, 0.83] | 0.86 [0.83, 0.90] |
//! | service times x10 | 0.77 [0.76, 0.81] | 0.85 [0.83, 0.88] | 0.86 [0.82, 0.88] | 0.84 [0.82, 0.87] |
//! | at most 3 pods | 0.87 [0.84, 0.89] | 0.93 [0.91, 0.96] | 0.93 [0.91, 0.95] | 0.96 [0.94, 0.99] |
//! | at most 4 pods | 0.85 [0.83, 0.87] | 0.91 [0.89, 0.93] | 0.88 [0.85, 0.90] | 0.93 [0.91, 0.94] |
//! | at most 30 pods | 0.69 [0.66, 0.73] | 0.78 [0.75, 0.82] | 0.77 [0.69, 0.79] | 0.81 [0.76, 0.86] |
//! | threshold / D 1.5 | 0.66 [0.64, 0.70] | 0.79 [0.78, 0.85] | 0.75 [0.74, 0.83] | 0.82 [0.79, 0.85] |
//! | threshold / D 1.6 | 0.67 [0.65, 0.71] | 0.83 [0.80, 0.87] | 0.81 [0.79, 0.86] | 0.81 [0.77, 0.85] |
//! | threshold / D 6 | 0.77 [0.73, 0.82] | 0.81 [0.74, 0.85] | 0.77 [0.73, 0.87] | 0.83 [0.79, 0.87] |
//! | threshold / D 10 | 0.75 [0.73, 0.85] | 0.79 [0.76, 0.88] | 0.86 [0.80, 0.94] | 0.78 [0.76, 0.87] |
//! | random routing | 0.86 [0.82, 0.89] | 0.90 [0.88, 0.93] | 0.94 [0.88, 0.96] | 0.93 [0.89, 0.97] |
//! | mixture of three sizes | 0.77 [0.75, 0.81] | 0.87 [0.84, 0.88] | 0.87 [0.84, 0.93] | 0.88 [0.86, 0.91] |
//! | 2 % missed checks | 0.72 [0.71, 0.76] | 0.82 [0.78, 0.86] | 0.79 [0.78, 0.84] | 0.87 [0.82, 0.92] |
//! | median | 0.75 | 0.82 | 0.82 | 0.86 |
//! | pooled, loads drawn once for all | 0.75 [0.74, 0.78] | 0.83 [0.81, 0.86] | 0.83 [0.80, 0.86] | 0.86 [0.83, 0.89] |
//! | seeds 1, 2, 3, 4, 5 pooled | 0.755, 0.755, 0.749, 0.751, 0.752 | 0.837, 0.832, 0.823, 0.832, 0.824 | 0.837, 0.832, 0.825, 0.830, 0.825 | 0.864, 0.857, 0.847, 0.854, 0.847 |
//! | five trainings of the recipe before, without the end of the window | 0.77 [0.76, 0.80] | 0.85 [0.83, 0.89] | 0.85 [0.83, 0.88] | 0.88 [0.85, 0.91] |
//!
//! Every training is ahead in 18 of 18 configurations of each of these rules. Of the rules of one setting trend is the best, then a reactive rule at 0.80
//! [0.78, 0.83], the calibrated one, and HPA's law in our loop at 0.73 [0.71, 0.76]. Load by load, over the configurations, they are at 0.99 of the home calibrated rule on WorldCup-group, 0.96 and 0.97 on NASA and WorldCup-may, 0.82 on
//! Twitter, 0.84 to 0.95 by formula; at 0.88 to 0.98 of HPA at its 15 s and of the trend rule of one setting. On none of these loads a rule is ahead; HPA is nearest on WorldCup-group,
//! Twitter and the square (0.97 and 0.98), the trend rule on Twitter and the square (0.97).
//!
//! **Not reached**: half of the violations of the base's rule where it is away from home, at equal pods: 0.58 [0.54, 0.60] when its
//! safety stock is set anew (0.50 and less at five of its eleven settings, the careful ones; 0.41 at threshold / D 1.6, 0.57 to 0.66 else), 0.69
//! [0.64, 0.75] with its settings as they are. Of the recipe before: 0.63 and 0.76.
//!
//! One training of the same recipe with a forecast of 256 units, too large for a ConfigMap, was at 0.751, 0.834, 0.834, 0.859 (the home HPA) and 0.60 (away): but for the last, where the five are at
//! 0.57 to 0.59, within what trainings differ by. The rules are not told the end of the window, as their laws know none. What it brings the forecast alone, all else alike (one seed, `--set ablation --hours 3`):
//! 0.98 of the pods over all configurations, 0.92 with at most 30 pods, 0.97 with at most 3.
//!
//! **At a loop of 15 s** (`--period 15 --hours 2`, the same five trainings and eighteen configurations, everybody judged on the same windows of 60 s): 0.82 [0.81, 0.84] of the generalist calibrated
//! rule's pod-minutes, 0.88 [0.85, 0.91] of trend's, 0.775 [0.75, 0.80] of HPA's at home, ahead in 18 of 18 of each, and 0.975 [0.96, 0.996] of the calibrated rule tuned anew for exactly the configuration at 15 s, ahead in 12 of 18:
//! 0.94 [0.91, 1.01], 0.94 [0.90, 0.99] and 0.99 [0.90, 1.03] at start-ups of 10, 45 and 90 s. **Behind it** with service times x0.25 (1.04 [1.02, 1.08]), and, within the interval, x0.1 (1.04), random routing (1.02), threshold / D 1.6
//! (1.02), 3 pods (1.01) and the mixture (1.00); on Twitter (1.055; trend of one setting is ahead there too, 1.05), flash crowds and WorldCup-group (1.02). Away from home it has 0.86 [0.76, 0.94] of the violations of the
//! base's rule there, its stock set anew, 0.99 [0.89, 1.10] with its settings as they are, and at threshold / D 1.6 1.9 and 2.7 times as many.
//!
//! **Other periods** (`--period P --hours 2`, the same five trainings and eighteen configurations, pooled, 95 % interval of loads drawn once for all; HPA always at its 15 s; 60 s with `--hours 4`, from above), and in
//! how many of the eighteen it is ahead:
//!
//! | period | generalist calibrated | generalist trend | home calibrated, tuned at that period | home HPA, 15 s |
//! |---|---|---|---|---|
//! | 10 s | 0.90 [0.88, 0.92], 18 | 0.90 [0.88, 0.93], 17 | **1.00 [0.98, 1.02], 8** | 0.79 [0.77, 0.81], 18 |
//! | 15 s | 0.82 [0.81, 0.84], 18 | 0.88 [0.85, 0.91], 18 | 0.975 [0.96, 0.996], 12 | 0.775 [0.75, 0.80], 18 |
//! | 30 s | 0.75 [0.73, 0.79], 18 | 0.83 [0.80, 0.87], 18 | 0.88 [0.86, 0.92], 18 | 0.78 [0.76, 0.81], 18 |
//! | 60 s | 0.75 [0.74, 0.78], 18 | 0.83 [0.81, 0.86], 18 | 0.83 [0.80, 0.86], 18 | 0.86 [0.83, 0.89], 18 |
//! | 120 s | 0.73 [0.70, 0.80], 18 | 0.78 [0.75, 0.83], 18 | 0.79 [0.77, 0.83], 18 | 0.90 [0.86, 0.96], 17 |
//!
//! What is gained over the calibrated rule shrinks with the period: it sees a rise as soon. **At 10 s the rule tuned for exactly the configuration is level with it**, and ahead beyond the interval at threshold / D 1.6 (1.04), random routing
//! (1.05) and the mixture (1.02), most of all on Twitter (1.08); there the trend and the reactive rule of one setting are ahead too (1.05), and over all loads with random routing (1.02 and 1.03, within the interval). At 30 s no configuration is behind
//! (0.80 to 0.99), of the loads WorldCup-group and Twitter are level. At 120 s HPA, which looks eight times as often, is level with it at 3 and 4 pods and ahead on flash crowds (1.13), Twitter (1.10) and the square (1.01).
//! Away from home, the rule's stock set anew: 0.88 [0.76, 0.97] of its violations at 10 s, 0.64 [0.60, 0.68] at 30 s, 0.46 [0.43, 0.50] at 120 s.
//!
//! Beside the clairvoyant, on the recordings alone (`agent evaluate --traces DIR --seeds 3 --checkpoint ...`, the five trainings of the shipped recipe, four recordings,
//! 30,045 windows of their days of the test, at most 10 pods, each policy at its own period and every setting of its knob played): pod-minutes over the
//! bound's at 0.5, 1 and 2 % avoidable violations; a dash where no setting of the knob has so few:
//!
//! | load | learned | KPA, 2 s | KEDA, 15 s | HPA, 15 s | trend | calibrated, long |
//! |---|---|---|---|---|---|---|
//! | NASA | 1.19, 1.17, 1.15 | 1.17, 1.17, 1.16 | 1.29, 1.25, 1.22 | 1.31, 1.25, 1.21 | 1.33, 1.27, 1.22 | 1.30, 1.26, 1.23 |
//! | WorldCup-group | 1.08, 1.08, 1.10 | 1.11, 1.11, 1.12 | 1.10, 1.10, 1.09 | 1.11, 1.11, 1.11 | 1.13, 1.11, 1.11 | 1.11, 1.10, 1.10 |
//! | WorldCup-may | 1.14, 1.13, 1.12 | 1.14, 1.14, 1.15 | 1.18, 1.18, 1.18 | 1.18, 1.18, 1.18 | 1.23, 1.21, 1.19 | 1.20, 1.18, 1.17 |
//! | Twitter | -, 1.61, 1.37 | 1.59, 1.37, 1.23 | 1.59, 1.48, 1.37 | 1.62, 1.55, 1.45 | 1.67, 1.55, 1.41 | -, -, 1.55 |
//! | all four | 1.30, 1.21, 1.17 | 1.18, 1.16, 1.17 | 1.37, 1.27, 1.18 | 1.42, 1.30, 1.23 | 1.41, 1.30, 1.22 | 1.45, 1.30, 1.22 |
//!
//! Over all four, the recipe before was at 1.38, 1.24 and 1.19. Of the policies with a loop of 60 s, and of HPA and KEDA at 15 s, none is nearer to the bound on all four together; on NASA and both WorldCup recordings the next but KPA
//! is level (WorldCup-group at 2 %: KEDA 1.09, a reactive rule) or up to 10 % behind. **KPA with a loop of 2 s is nearer on all four together** at 0.5 and 1 %, level at 2 %, by Twitter's bursts: there all that look more often are ahead, and so is the
//! trend rule, but at 2 %, where only KPA is; on the others KPA is 3 % behind to 2 % ahead.
//!
//! What a faster loop buys everybody (`agent evaluate --traces DIR --seeds 1 --period P`, the same four recordings, **the shipped checkpoint alone and one arrival
//! seed**, all alike in weight, start-up 10 s): pod-minutes over the bound's at 0.5, 1 and 2 % avoidable violations, always of windows of 60 s. The bound is of who decides
//! once in 60 s; a faster loop is not bound by it.
//!
//! | policy | 10 s | 15 s | 30 s | 60 s | 120 s |
//! |---|---|---|---|---|---|
//! | learned | 1.19, 1.17, 1.16 | 1.17, 1.14, 1.15 | 1.21, 1.16, 1.15 | 1.29, 1.22, 1.18 | 1.53, 1.35, 1.25 |
//! | calibrated, long | 1.18, 1.15, 1.13 | 1.18, 1.16, 1.15 | -, 1.19, 1.16 | 1.49, 1.30, 1.23 | -, -, 1.33 |
//! | trend | 1.35, 1.31, 1.27 | 1.29, 1.25, 1.22 | 1.28, 1.21, 1.19 | 1.42, 1.29, 1.22 | 1.80, 1.53, 1.33 |
//! | reactive | 1.28, 1.25, 1.21 | 1.26, 1.21, 1.18 | 1.31, 1.23, 1.17 | 1.56, 1.39, 1.24 | 1.94, 1.67, 1.40 |
//! | HPA's law | 1.32, 1.29, 1.26 | 1.37, 1.28, 1.27 | 1.43, 1.34, 1.26 | 1.70, 1.49, 1.33 | 2.03, 1.76, 1.46 |
//! | threshold | 1.36, 1.37, 1.39 | 1.38, 1.40, 1.41 | 1.80, 1.45, 1.47 | 2.03, 1.74, 1.55 | 2.13, 1.93, 1.64 |
//! | at their own period: KPA, 2 s; KEDA; HPA, 15 s | | 1.18, 1.16, 1.17; 1.35, 1.27, 1.18; 1.42, 1.29, 1.22 | | | |
//!
//! **A check every 30 s is worth 5 % of the pods at 1 % violations** to the learned policy, and every 15 s 2 % more: there it is 1 to 2 % ahead of KPA at 2 s, and level with the calibrated rule
//! in the same loop or up to 2 % ahead. From 30 s on it is ahead of all rules in the same loop; **at 10 s the calibrated rule is ahead of it by 1 to 3 %**, and more checks than every 15 s bring it nothing. A minute's
//! loop gained most by the end of the window: of the recipe before the learned policy was at 1.40, 1.23 and 1.18 there, and at 1.63, 1.36 and 1.25 every 120 s.
//!
//! On more recordings, the built-in ones beside these four, only an earlier recipe was played (no end of the window, no doubt, a third of the data; twelve configurations, five trainings): it
//! needed 0.815 [0.80, 0.84] of the pod-minutes of the generalist calibrated rule, 0.887 [0.85, 0.91] of the one at home, 0.881 [0.86, 0.92] of HPA at home; the home calibrated rule was level on
//! one of the built-in recordings (autothrottle-diurnal2), HPA ahead on Twitter (1.08), squares (1.03) and flash crowds (1.02).
//!
//! ## Two deployments alone
//!
//! The reference scenario (`--set reference --checkpoint ...`: sinusoid High, D 0.204 s, threshold 0.5 s, at most 6 pods, 41 checks, 20 arrival
//! seeds), means of a run, the five trainings of the shipped recipe; the others at as many pod-minutes, between two settings of their knob. The clairvoyant bound is none at 86
//! pod-minutes, the published run of the reference system 9 at 116:
//!
//! | policy | violating checks at pod-minutes |
//! |---|---|
//! | learned, price 0.5; 0.7; 1; 3 | 2.5 at 92; 1.5 at 98; 0.9 at 103; 0.1 at 123 |
//! | ... the least and the most of the trainings | 1.9 to 3.6; 1.0 to 2.1; 0.5 to 1.2; 0.1 to 0.2 |
//! | KPA at 2 s | 1.1 at 103 |
//! | trend | 3.7 at 103 |
//! | HPA, KEDA at 15 s | 4.8; 5.3 at 103 |
//! | reactive; threshold | 9.2; 10.3 at 103 |
//!
//! There it is 1.39 [1.35, 1.42] times the bound at 0.5 % violating checks, 1.32 [1.29, 1.37] at 1 %, 1.25 [1.22, 1.28] at 2 %, 1.17 [1.16, 1.19] at 5 %; the one training of the
//! recipe before that was played 1.36, 1.32, 1.23 and 1.18, its forecast alone 1.36, 1.25, 1.24 and 1.19: the end of the window brings nothing on a sinusoid of 6 pods. The nearest other, KPA at 2 s,
//! needs 1.09, 1.06, 1.01 and 1.08 times as many pods.
//!
//! On the demo's sinusoid (`--set demo --checkpoint ...`, 20 arrival seeds) the five trainings violate in 0.37 of 49 checks at 12.8 pod-minutes (0.15 to 0.75; the shipped one 0.45); at
//! as many pod-minutes the reactive rule in 2.3, trend in 2.6, the calibrated one with long memory, tuned on that load, in 2.7, a threshold in 12; HPA at our period is never so cheap.
//! With real processes (`cargo demo`) the shipped one had 1 of 50 at 13.1 pod-minutes, the tuned threshold none at 14.7, the tuned trend 2 at 13.4.
//!
//! ## Ablations
//!
//! Trainings with a ninth of the data and two networks (`--labelled-episodes 4000 --required-steps 4000 --episodes 800 --steps 3000
//! --networks 2`), **one seed each**, on NASA-HTTP, Twitter, WorldCup and four formulas, five configurations; pod-minutes over the
//! base's at equal avoidable violations, above 1 the variant is worse:
//!
//! ```text
//! agent evaluate --set ablation --traces DIR --hours 3 --variant base=... --variant "one round=..." ...
//! ```
//!
//! | variant | pooled, 95 % interval over loads |
//! |---|---|
//! | one round instead of two (`--rounds 1`) | 0.97 [0.93, 1.00] |
//! | rollouts end in a learned value (`--bootstrap true`: n-step temporal differences) | 0.98 [0.96, 1.01] |
//! | one value at the price instead of two (`--two-values false`) | 1.04 [0.98, 1.07] |
//! | horizon of 1 check instead of 5 (`--horizon 1`) | 1.04 [0.99, 1.07]; 1.21 where pods start in 90 s |
//! | 8 past checks; none (`--history`) | 1.00 [0.96, 1.02]; 0.98 [0.95, 1.02] |
//! | PPO, 2,000,000 steps, alike in inputs ([`rivals`]) | 1.03 [0.99, 1.07] |
//! | double dueling QR-DQN, 250,000 steps | 1.17 [1.10, 1.19] |
//! | the base's forecast alone | 0.93 [0.89, 0.97] |
//!
//! The same size with **three seeds each**, over all eighteen configurations (`--variant base=1.safetensors,2.safetensors,3.safetensors ...`):
//!
//! | variant | pooled, 95 % interval over loads |
//! |---|---|
//! | candidates of a state meet requests of their own (`--common-arrivals false`) | 0.99 [0.98, 1.01] |
//! | 32 units a layer instead of 128 (`--units 32 --required-units 32`) | 1.00 [0.99, 1.03] |
//! | horizon of 1 check instead of 5 (`--horizon 1`) | 1.04 [1.01, 1.06]; 1.30 where pods start in 90 s |
//! | the base's forecast alone | 0.94 [0.92, 0.97] |
//!
//! At this size the value networks lose to the forecast that they are fed, a quarter of the units is as good, common arrivals do not help, and no part of the
//! recipe but two values (one seed) and the horizon is seen to.
//!
//! With **all of the data, seed 3 alone**, over all eighteen configurations, beside the checkpoint of that time:
//!
//! | variant | pooled, 95 % interval over loads |
//! |---|---|
//! | 32 units a layer instead of 128 (`--units 32 --required-units 32`) | 1.01 [1.00, 1.02] |
//! | 32 units, two to three times the data and steps (`--units 32 --required-units 32 --labelled-episodes 108000 --required-steps 40000 --episodes 21600 --steps 50000`) | 1.00 [1.00, 1.02] |
//! | the base's forecast alone | 0.99 [0.98, 1.01] |
//! | ... its labels for 1 check, for 3 checks instead of 2 (`--label-horizon`) | 1.00 [0.97, 1.02]; 1.00 [0.98, 1.01] |
//! | ... of 256, of 512 units (`--required-units`) | 0.99 [0.98, 1.01]; 0.99 [0.96, 1.00] |
//! | ... of 256 units, twice the labels (`--required-units 256 --labelled-share 0.24 --required-steps 30000`) | 0.98 [0.96, 1.01] |
//! | value networks of 32 units on that forecast (`--units 32`) | 1.01 [0.98, 1.02] |
//! | a forecast that was trained on the earlier days of these four recordings too, each recording alike; the same with 60 % recorded loads instead of 35 | 0.99 [0.97, 1.00]; 0.99 [0.96, 1.01] |
//! | ... with 60 %, of 256 units, twice the labels | 0.99 [0.96, 1.02] |
//! | a forecast that weighs each count's chance and cost, not one level for all | 1.02 [1.00, 1.03] |
//! | ... and how far each count may fall short, by half a violation, by two for each e-fold | 1.00 [0.98, 1.01]; 1.00 [0.98, 1.01] |
//!
//! So small networks with more data are level, in a sixth of the file and at 1.5 times the decisions a second (22,205 against 15,165, wrk at 8 connections, median of
//! 5 turns); they are not shipped, as one seed does not say enough. Of the rest of the recipe it is not measured whether it holds with all of the data.
//!
//! The last eight rows are of `--hours 3`; of a forecast alone, which does not depend on them, the value networks were not trained (`--rounds 1 --episodes 40
//! --steps 20 --networks 1`). A forecast of 256 units needs the labels: without them 97.3 % of those held out are below its 98 % quantile, with them 97.9. Value
//! networks of 32 units do not keep what it gains. Nor is it a training's luck that they lose to a forecast: the mean order of two of the five trainings needs 0.995
//! [0.991, 1.000] of the pod-minutes of one, the median of three 0.997 [0.992, 1.001] (code that was not kept).
//!
//! **Days of the same service to train on bring nothing that can be seen** (code that was not kept): beside the three built-in recordings, the first two
//! thirds of the days of NASA, Twitter and both WorldCup recordings; the last third is tested on, as everywhere. So a service need not be
//! recorded before it is scaled. Nor does it help to choose by the marginal chance: minimise `n / max + B P(required > n)`, whose minimum is where one more
//! pod saves less of the chance than it costs, instead of the level `1 - 1 / (B max)`, which is right when each missing pod counts. The density between two quantiles
//! is known worse than the quantiles, and who falls short starts the next check with a queue.
//!
//! The textbook's agents beside three trainings of the shipped recipe, all told the end of the window, and what those bring over the forecast
//! that they are fed, a supervised policy (`agent rival ppo --seed S`, `agent rival qr-dqn --seed S`, eight minutes each; `--set ablation --traces DIR --hours 3
//! --variant base=1.safetensors,2.safetensors,3.safetensors --variant PPO=... --variant QR-DQN=...`, seeds 1 to 3 of each, four minutes):
//!
//! | variant | pooled, 95 % interval over loads and trainings |
//! |---|---|
//! | PPO, 2,000,000 steps | 1.10 [1.05, 1.16]; 1.03 to 1.19 in each configuration |
//! | double dueling QR-DQN, 1,000,000 steps | 1.12 [1.09, 1.16]; 1.04 to 1.23 in each |
//! | the forecast alone | **0.987 [0.976, 0.995]**; 0.93 to 1.01 in each |
//!
//! Of the recipe before, which nobody was told the end of the window in, PPO had 1.12 [1.09, 1.15] (five seeds), QR-DQN 1.12 [1.08, 1.15] (three), the forecast 0.988 [0.981, 0.997] (five).
//!
//! **The forecast alone is 1 % ahead of the networks that learn from their own returns.** Of the recipe before: on the built-in recordings it is level, at 0.993 [0.984, 1.003] of their pod-minutes
//! (three seeds). Networks whose doubt counts four times as much (`CAUTION` in [`learned`] at 2) leave the forecast less often; it needs 0.997 [0.993, 1.002] of theirs there. So on these loads they
//! save nothing. Where they are ahead is on deployments drawn at random, by 2 to 6 %.
//!
//! Where a rule still wins, or nearly:
//! - the forecast alone, a quantile of the required pods, which is supervised, needs 5 % fewer pod-minutes in the reference scenario at 1 %
//!   violating checks, 2 % fewer on the demo and 1 % fewer over the eighteen configurations, and is 2 to 6 % behind on deployments drawn at random (recipe before): what
//!   learning from own returns adds is small, and not everywhere a gain;
//! - HPA at 15 s and the trend rule are nearly level on Twitter's bursts and on squares (0.97): they see them sooner, or overshoot; beside the clairvoyant, where nothing is tuned by a load
//!   but the knob, KPA with its loop of 2 s is ahead on Twitter;
//! - random routing, where the lead over the calibrated rule tuned for exactly that is the least of all configurations, 6 %;
//! - at a loop of 15 s the calibrated rule tuned for exactly that, in six configurations of eighteen, at 10 s in ten, over all of them level (above);
//! - more rounds did not help: after 3 it was 1.28, 1.21, 1.21 times the bound at 1, 2, 5 % on validation days, the same training after 2,
//!   with two networks instead of four, 1.27, 1.21, 1.20; an earlier recipe, without the features of smoothness and the inverted
//!   formula, with fewer labels and start-ups of at most 1.5 checks, was at 1.27, 1.24, 1.23. One seed and 4 days each: no ablation.
//!
//! Real pods are not in these tables.
//!
//! # Command line
//!
//! `agent --help`. The program starts itself once more with `RAYON_NUM_THREADS=1`, since the tensor library wakes a thread
//! pool for each small product otherwise; who calls [`run`] from another program should set it too.

pub mod bound;
pub mod checkpoint;
pub mod cli;
pub mod controller;
pub mod evaluate;
pub mod features;
pub mod learned;
pub mod network;
mod parallel;
pub mod policy;
pub mod required;
pub mod rivals;
pub mod rng;
pub mod rules;
pub mod serve;
pub mod simulate;
pub mod simulator;
pub mod train;
pub mod tune;
pub mod workload;

pub use cli::{Cli, run};
