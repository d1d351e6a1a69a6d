"""What a deployment does, at which load, and why: one run is found by its deployment and the time range."""
from .dashboard import DEPLOYMENT, NAMESPACE, Dashboard, Line, Panel, Stat, Timeline

D = '{namespace="$namespace",deployment="$deployment"}'
N = '{namespace="$namespace"}'
RED_FROM_1 = ((None, "green"), (1, "red"))

NOW = [
    Stat("Last check", "Age of the scaler's last check, in configured intervals between checks. Red: three were missed, as the alert "
         "ScalerSilent says.", "suffix:intervals", [Line("deployment:scaler_check_age:intervals" + D, "age")], steps=((None, "green"), (3, "red")), decimals=1),
    Stat("Check", "Number of the last check, as in podStatus.json (check_N) and AnalyzedPods.", "none",
         [Line("scaler_checks_total" + D, "check")]),
    Stat("Replicas", "Pods that are ready, out of those ordered by the last check.", "suffix:pods",
         [Line("scaler_replicas_ready" + D, "ready"), Line("scaler_replicas_ordered" + D, "ordered")]),
    Stat("Pressure", "Mean response time over the threshold, in the last check; above 1 the threshold is broken.", "none",
         [Line("scaler_pressure_ratio" + D, "pressure")], steps=RED_FROM_1, decimals=2),
    Stat("Checks over the threshold", "Share of the checks in the last hour whose mean response time was above the threshold.",
         "percentunit", [Line(f"avg_over_time((scaler_pressure_ratio{D} > bool 1)[1h:])", "share")], decimals=1),
    Stat("Probe", "Whether a request gets through proxy and network to a pod; asked by the blackbox exporter.", "none",
         [Line('min(probe_success{job="probe"})', "probe")], steps=((None, "red"), (1, "green")),
         mappings=[{"type": "value", "options": {"0": {"text": "down", "index": 0}, "1": {"text": "up", "index": 1}}}]),
]

LOAD = [
    Panel("Replicas", "Pods that are ready, and what was ordered when the last check ended, between the fewest that could be ordered and "
          "MAX_REPLICAS. The fewest are MIN_REPLICAS, or what was ordered while a part of the load was not known. A gap between ready and "
          "ordered is pods that start or drain.", "suffix:pods",
          [Line("scaler_replicas_ready" + D, "ready", "check"), Line("scaler_replicas_ordered" + D, "ordered", "check"),
           Line("scaler_replicas_min" + D, "fewest", "bound"), Line("scaler_replicas_max" + D, "MAX_REPLICAS", "bound")], decimals=0),
    Panel("Workload", "Requests per second: as the pods answer them now, and as the scaler counted their records in its window.", "reqps",
          [Line("namespace:requests:rate1m" + N, "answered, 1 min"), Line("scaler_workload_requests_per_second" + D, "recorded, check", "check")]),
    Panel("Response time", "From the proxy's stamp until the answer is ready. Mean and 95th percentile of the last minute, the mean "
          "of the check's window, and PRESSURE_THRESHOLD, which the mean is held against.", "s",
          [Line("namespace:response_time_seconds:mean1m" + N, "mean, 1 min"), Line("namespace:response_time_seconds:p95_1m" + N, "95 %, 1 min"),
           Line("scaler_response_time_mean_seconds" + D, "mean, check", "check"),
           Line("scaler_response_time_threshold_seconds" + D, "threshold", "threshold")]),
    Panel("Service time", "Time inside the multiplication: what a request costs when nobody waits. It rises with the matrices, and where "
          "a pod's CPU limit bites.", "s",
          [Line("namespace:service_time_seconds:mean1m" + N, "mean, 1 min"), Line("scaler_service_time_mean_seconds" + D, "mean, check", "check")]),
    Panel("Utilization and CPU", "Share of the pods' slots that was busy, from the records, and the CPU that a pod used on average, as a share of "
          "one core, from Prometheus. Where a pod may use one core, the two agree but for what is not multiplication.", "percentunit",
          [Line("scaler_utilization_ratio" + D, "utilization", "check"), Line("scaler_cpu_usage_cores" + D, "CPU, of one core", "check")]),
    Panel("Queue on the dominant pod", "Mean waiting time over service time on the pod with the longest response times: how many requests "
          "stand before a new one.", "suffix:requests", [Line("scaler_dominant_queue_length_requests" + D, "requests", "check")]),
]

DECISIONS = [
    Timeline("Decisions", "The reason of each check's decision: scale_out, scale_in, unchanged, or why nothing was done: agent_declined "
             "(-1), agent_silent, shadow (only recorded), apply_failed (the cluster refused).", "none",
             [Line("scaler_check_reason" + D, "{{reason}}")], width=12),
    Panel("What others would do", "Replicas: the agent's answer before bounds (-1: it declines), what the calibrated rule would have ordered "
          "and what a Horizontal Pod Autoscaler would have recommended in the same state, and what was ordered.", "suffix:pods",
          [Line("scaler_agent_action_replicas" + D, "agent", "check"), Line("scaler_rule_replicas" + D, "rule", "check"),
           Line("scaler_hpa_replicas" + D, "HPA", "check"), Line("scaler_replicas_ordered" + D, "ordered", "check")], width=12, min=-1, decimals=0),
    Panel("Pressure", "Mean response time over the threshold of each check; above 1 the threshold is broken.", "none",
          [Line("scaler_pressure_ratio" + D, "pressure", "check"), Line(f"0 * scaler_pressure_ratio{D} + 1", "threshold", "threshold")]),
    Panel("Answers by status", "Answers of the pods per second. 405 is the probe's, 503 a pod that drains or is full.", "reqps",
          [Line(f"sum by (status) (rate(matrix_service_requests_total{N}[$__rate_interval]))", "{{status}}")]),
    Panel("Failed requests", "Share of the requests that the pods answered with 5xx.", "percentunit",
          [Line("namespace:requests_failed:ratio_rate1m" + N, "5xx")]),
]

DASHBOARD = Dashboard("overview", "autoscaler-overview", "Autoscaler", "Load, response time and replicas of a deployment, and what was decided why.",
                      [NAMESPACE, DEPLOYMENT], [("Now", NOW), ("Load and replicas", LOAD), ("Decisions", DECISIONS)])
