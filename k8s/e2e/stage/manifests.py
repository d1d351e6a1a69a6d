"""What kubectl makes of a kustomization, and what the API server makes of a service account."""
import json, re

from .cluster import demand, kubectl


def rendered(folder):
    """The YAML of a kustomization, and all its objects. Kubectl reads the YAML, so that no script need."""
    code, yaml, error = kubectl("kustomize", folder)
    demand(code == 0, error)
    # The label is a change to make it print, --local without a cluster.
    code, text, error = kubectl("label", "--local", "--overwrite", "-f", "-", "-o", "json", "read=yes", text=yaml)
    demand(code == 0, error)
    objects, decoder = [], json.JSONDecoder()
    while text := text.strip():
        found, end = decoder.raw_decode(text)
        objects += found["items"] if found["kind"] == "List" else [found]
        text = text[end:]
    return yaml, objects


def listed(namespace, account):
    """What the API server says the account may do, each as `verb resource name`."""
    code, text, error = kubectl("auth", "can-i", "--list", "--no-headers", "-n", namespace,
                                f"--as=system:serviceaccount:{namespace}:{account}")
    demand(code == 0, error)
    found = set()
    for line in text.splitlines():
        resource, names, verbs = re.fullmatch(r"(\S*)\s+\[.*?\]\s+\[(.*?)\]\s+\[(.*?)\]", line).groups()
        found |= {f"{verb} {resource} {name}".strip() for verb in verbs.split() for name in names.split() or [""]}
    return found
