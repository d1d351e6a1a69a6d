"""Whether the loop itself works."""
from .dashboard import DEPLOYMENT, NAMESPACE, Dashboard, Line, Panel, Stat, Timeline

D = '{namespace="$namespace",deployment="$deployment"}'
N = '{namespace="$namespace"}'
R = "[$__rate_interval]"

ALERTS = [
    Timeline("Alerts", "Alerts that fire; empty is good. What each means and what to do is its annotation `runbook`: dashboards/rules/alerts.yml, or "
             "Prometheus under /alerts.", "none",
             [Line('max by (alertname) (ALERTS{alertstate="firing"}) or label_replace(vector(0), "alertname", "(none)", "", "")', "{{alertname}}")],
             width=16, height=7),
    Stat("Targets down", "Things that Prometheus cannot scrape.", "suffix:targets", [Line("count(up == 0) or vector(0)", "down")],
         height=7, steps=((None, "green"), (1, "red"))),
    Stat("Model", "Checkpoint that answers, start of its SHA-256, and the price of a violation that it answers at (RISK).", "none",
         [Line(f'label_replace(agent_model_info{N}, "model", "$1", "sha256", "(.{{8}}).*")', "{{model}} at {{risk}}")], height=7, text="name"),
]

SCALER = [
    Panel("Age of the last check", "It grows from 0 to the interval, again and again. The line is three intervals: beyond it, ScalerSilent.", "s",
          [Line("time() - scaler_check_timestamp_seconds" + D, "age"), Line("3 * scaler_check_interval_seconds" + D, "3 intervals", "threshold")]),
    Panel("Window", "Length of the window of a check, which is the time since the check before it, and INTERVAL_CHECK.", "s",
          [Line("scaler_check_window_seconds" + D, "window", "check"), Line("scaler_check_interval_seconds" + D, "interval", "bound")]),
    Panel("Records of a check", "Records that were counted, and files that were none and were left out.", "suffix:records",
          [Line("scaler_check_records_read" + D, "read", "check"), Line("scaler_check_records_refused" + D, "refused", "check")]),
    Panel("Age of the newest record", "When the check came, how old was the newest record: a long time means no requests, or no records.", "s",
          [Line("scaler_newest_record_age_seconds" + D, "age", "check")]),
    Panel("Errors survived", "Errors of a check that went on without what failed. The names are those in podStatus.json: Agent... is the agent, "
          "Prometheus... the CPU, Api... the cluster.", "suffix:errors",
          [Line("scaler_check_errors" + D, "all", "check"), Line("scaler_check_error" + D, "{{name}}")]),
    Panel("Pods that come and go", "Pods ordered but not ready, and pods being deleted, as each check found them.", "suffix:pods",
          [Line("scaler_replicas_starting" + D, "starting", "check"), Line("scaler_replicas_terminating" + D, "terminating", "check")]),
]

AGENT = [
    Panel("Questions to the agent", "Requests for an action per minute, by how they ended; all but answered are refused states (-1) or broken requests.",
          "reqpm", [Line(f"60 * sum by (outcome) (rate(agent_action_requests_total{N}{R}))", "{{outcome}}")]),
    Panel("Time to an answer", "From the whole question to the answer, mean and 99th percentile. The scaler waits 10 s at most.", "s",
          [Line(f"sum(rate(agent_action_duration_seconds_sum{N}{R})) / sum(rate(agent_action_duration_seconds_count{N}{R}))", "mean"),
           Line(f"histogram_quantile(0.99, sum by (le) (rate(agent_action_duration_seconds_bucket{N}{R})))", "99 %")]),
    Panel("Directions", "Answers per minute by what they do to the replicas ordered before.", "cpm",
          [Line(f"60 * sum by (direction) (rate(agent_actions_total{N}{R}))", "{{direction}}")]),
    Panel("Answers that a guard changed", "Answers per minute where a guard overruled the network; the explanation in podStatus.json has the words.", "cpm",
          [Line(f"60 * sum(rate(agent_overrides_total{N}{R}))", "overrides")]),
    Panel("Out of the model's range", "Share of the answers in which a feature of the state was beyond the training data. One that stays near 100 %: the model does "
          "not know this service.", "percentunit", [Line(f"(sum by (feature) (rate(agent_features_out_of_range_total{N}{R})) or label_replace(vector(0), \"feature\", \"(none)\", \"\", \"\"))"
                        f" / scalar(sum(rate(agent_action_requests_total{N}{R})) > 0)", "{{feature}}")]),
    Panel("Replicas answered", "Mean of the counts that the agent answered.", "suffix:pods",
          [Line(f"sum(rate(agent_action_replicas_sum{N}{R})) / sum(rate(agent_action_replicas_count{N}{R}))", "mean")]),
]

SERVICE = [
    Panel("Pods known to the proxy", "Pods that the proxy sends requests to; it should be those that are ready.", "suffix:pods",
          [Line(f'max(haproxy_backend_active_servers{{namespace="$namespace",proxy="pods"}})', "proxy"), Line("scaler_replicas_ready" + D, "ready, check", "check")]),
    Panel("Proxy", "Requests per second that came in, that were sent again to another pod, and that clients or pods broke off.", "reqps",
          [Line(f'sum(rate(haproxy_frontend_http_requests_total{{namespace="$namespace",proxy="requests"}}{R}))', "requests"),
           Line(f'sum(rate(haproxy_backend_retry_warnings_total{{namespace="$namespace",proxy="pods"}}{R}))', "retries"),
           Line(f'sum(rate(haproxy_backend_response_errors_total{{namespace="$namespace",proxy="pods"}}{R}))', "broken off")]),
    Panel("Probe", "How long the blackbox exporter's request took, by phase.", "s", [Line('probe_http_duration_seconds{job="probe"}', "{{phase}}")]),
    Panel("Records", "Records written per second, and those that could not be kept: their requests got an error.", "recps",
          [Line(f"sum(rate(matrix_service_records_written_total{N}{R}))", "written"), Line(f"sum(rate(matrix_service_record_failures_total{N}{R}))", "failed")]),
    Panel("Time headers ignored", "Stamps per minute that could not be the start of a request; with our proxy there are none.", "cpm",
          [Line(f"60 * sum by (header, reason) (rate(matrix_service_time_headers_ignored_total{N}{R}))", "{{header}}: {{reason}}")]),
    Panel("Results volume left", "Share of the results volume that is free. Empty where its driver does not tell the kubelet.", "percentunit",
          [Line(f'kubelet_volume_stats_available_bytes{{namespace="$namespace",persistentvolumeclaim="results"}} / '
                'kubelet_volume_stats_capacity_bytes', "free")], max=1),
    Panel("Prometheus", "Its blocks on disk, of which it drops the oldest at 1 GB or 15 days. The newest two hours are in none yet.", "bytes",
          [Line('prometheus_tsdb_storage_blocks_bytes{job="prometheus"}', "blocks")]),
    Panel("Series", "Time series that Prometheus holds in memory: about 3 KiB each.", "short", [Line('prometheus_tsdb_head_series{job="prometheus"}', "series")]),
]

DASHBOARD = Dashboard("health", "autoscaler-health", "Agent and scaler", "Whether checks come, the agent answers, requests get through, and what fails.",
                      [NAMESPACE, DEPLOYMENT], [("Alerts", ALERTS), ("Scaler", SCALER), ("Agent", AGENT), ("Service and monitoring", SERVICE)])
