"""What nodes and pods use."""
from .dashboard import DEPLOYMENT, NAMESPACE, NODE, Dashboard, Line, Panel

NODES = '{node=~"$node"}'
PODS = '{namespace="$namespace",pod=~"$deployment-.*"}'
POD = '{namespace="$namespace",pod=~"$deployment-.*",container!=""}'
DISK = '{node=~"$node",device!~"(loop|ram|zram|dm-|sr|md|nbd).*"}'
WIRE = '{id="/",node=~"$node",interface!~"(lo|veth|cali|cni|flannel|docker|br-|virbr|dummy|tun|lxc|cilium|kube).*"}'

NODE_PANELS = [
    Panel("Node CPU", "Share of the node's cores that is neither idle nor waiting for a disk.", "percentunit",
          [Line("node:cpu_busy:ratio_rate1m" + NODES, "{{node}}")], max=1),
    Panel("Node memory", "What is used, that is, cannot be given to a new pod, and what there is.", "bytes",
          [Line(f"node_memory_MemTotal_bytes{NODES} - node_memory_MemAvailable_bytes{NODES}", "{{node}} used"),
           Line(f"node_memory_MemTotal_bytes{NODES}", "{{node}} total")]),
    Panel("Node load", "Processes that run or wait, mean of one minute, and the node's cores: above them, something waits.", "none",
          [Line(f"node_load1{NODES}", "{{node}}"),
           Line('count by (node) (node_cpu_seconds_total{mode="idle",node=~"$node"})', "{{node}} cores")]),
    Panel("Disk traffic", "Bytes read and written per second by all disks of the node.", "Bps",
          [Line(f"sum by (node) (rate(node_disk_read_bytes_total{DISK}[$__rate_interval]))", "{{node}} read"),
           Line(f"sum by (node) (rate(node_disk_written_bytes_total{DISK}[$__rate_interval]))", "{{node}} written")]),
    Panel("Disk space left", "Share of the disk with the pods' own files that is free; when little is left, the kubelet evicts pods.", "percentunit",
          [Line(f"node_filesystem_avail_bytes{NODES} / node_filesystem_size_bytes{NODES}", "{{node}}")], max=1),
    Panel("Node network", "Bytes received and sent per second by the node's own interfaces, as its kubelet counts them.", "Bps",
          [Line(f"sum by (node) (rate(container_network_receive_bytes_total{WIRE}[$__rate_interval]))", "{{node}} received"),
           Line(f"sum by (node) (rate(container_network_transmit_bytes_total{WIRE}[$__rate_interval]))", "{{node}} sent")]),
]

POD_PANELS = [
    Panel("CPU of each replica", "Cores that a pod uses, and the most that it may use.", "suffix:cores",
          [Line("pod:cpu_usage_cores:mean1m" + PODS, "{{pod}}"),
           Line(f"max(container_spec_cpu_quota{POD} / container_spec_cpu_period{POD})", "limit", "threshold")], width=12, decimals=3),
    Panel("Memory of each replica", "Working set of a pod: what cannot be taken from it. At the limit it is killed.", "bytes",
          [Line("pod:memory_working_set_bytes:sum" + PODS, "{{pod}}"), Line(f"max(container_spec_memory_limit_bytes{POD} > 0)", "limit", "threshold")],
          width=12),
    Panel("Throttled", "Share of the scheduler's periods in which a pod was stopped at its CPU limit.", "percentunit",
          [Line(f"sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{POD}[$__rate_interval])) / "
                f"(sum by (pod) (rate(container_cpu_cfs_periods_total{POD}[$__rate_interval])) > 0)", "{{pod}}")]),
    Panel("Requests in flight", "Requests that a pod holds: waiting, being read or being multiplied.", "suffix:requests",
          [Line(f"matrix_service_requests_in_flight{PODS}", "{{pod}}")]),
    Panel("Requests of each replica", "Answers of each pod per second: the proxy spreads them evenly.", "reqps",
          [Line(f'sum by (pod) (rate(matrix_service_requests_total{{namespace="$namespace",pod=~"$deployment-.*",status!="405"}}[$__rate_interval]))', "{{pod}}")]),
    Panel("CPU of the loop", "Cores used by what is not scaled: agent, proxy, scaler and what watches them.", "suffix:cores",
          [Line('pod:cpu_usage_cores:mean1m{namespace="$namespace",pod!~"$deployment-.*"}', "{{pod}}")], width=12, decimals=3),
    Panel("Memory of the loop", "Working set of what is not scaled.", "bytes",
          [Line('pod:memory_working_set_bytes:sum{namespace="$namespace",pod!~"$deployment-.*"}', "{{pod}}")], width=12),
]

DASHBOARD = Dashboard("resources", "autoscaler-resources", "Nodes and pods", "CPU, memory, disk and network of nodes and of each replica.",
                      [NAMESPACE, DEPLOYMENT, NODE], [("Nodes", NODE_PANELS), ("Pods", POD_PANELS)])
