"""The peer: the same contract in Flask and numpy, as plainly as one would write it.

    RESULTS_DIR=results POD_NAME=peer flask --app peer run
    RESULTS_DIR=results POD_NAME=peer gunicorn --workers 2 peer:app
"""
import json
import os
import time
from datetime import datetime, timezone

import numpy as np
from flask import Flask, jsonify, request

app = Flask(__name__)
INCOMING = os.path.join(os.environ["RESULTS_DIR"], "incoming")
POD = f"{os.environ['POD_NAME']}-{os.getpid()}"


@app.post("/multiply")
def multiply():
    arrival = time.time()
    stamp = request.headers.get("requestTime", f"t={arrival}").removeprefix("t=")
    try:
        body = request.get_json()
        a, b = (np.array(body[key], dtype=np.float64) for key in ("matrix_a", "matrix_b"))
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise ValueError(f"matrix_a is {a.shape}, matrix_b is {b.shape}")
    except (KeyError, TypeError, ValueError) as error:
        return jsonify(error=str(error)), 400
    begun = time.perf_counter()
    product = a @ b
    record = {"Service Time": time.perf_counter() - begun, "Response Time": time.time() - float(stamp)}
    name = f"{POD}_{datetime.fromtimestamp(arrival, timezone.utc):%Y.%m.%d_%H:%M:%S.%f}.json"
    os.makedirs(INCOMING, exist_ok=True)
    with open(os.path.join(INCOMING, "." + name), "w") as file:
        json.dump(record, file)
    os.rename(os.path.join(INCOMING, "." + name), os.path.join(INCOMING, name))
    return jsonify({"message": "Matrix multiplication completed!", **record, "Result": product[:5, :5].tolist()})


@app.get("/readyz")
def ready():
    return jsonify(status="ready")
