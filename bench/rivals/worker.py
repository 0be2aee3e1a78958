"""The loop of a contender's process in Python, as timing/worker.ts. It follows timing/protocol.ts: a line of JSON each way,
replies on file descriptor 3, numbers in files."""

import json
import os
import sys
import time

import numpy as np


def run(entry, calls):
    sink, start = 0.0, time.perf_counter_ns()
    for _ in range(calls):
        sink += entry["call"]().flat[-1]
    entry["per_call"] = (time.perf_counter_ns() - start) / calls
    return {"ok": True, "nanoseconds": entry["per_call"], "calls": calls, "sink": float(sink)}


def answer(prepare, request, running):
    if request["do"] == "prepare":
        job = request["job"]
        call, result = prepare(job)
        entry = running[request["id"]] = {"call": call}
        first = run(entry, job["calls"])
        np.ascontiguousarray(result(), dtype=np.float64).tofile(job["result"])
        spent = entry["per_call"]
        while spent < request["warm"] * 1e6:
            run(entry, 1)
            spent += entry["per_call"]
        return first
    if request["do"] == "release":
        del running[request["id"]]
        return {"ok": True, "nanoseconds": 0, "calls": 0, "sink": 0}
    entry = running[request["id"]]
    calls = max(1, round(request["milliseconds"] * 1e6 / entry["per_call"]))
    if calls > 1:
        run(entry, 1)
    return run(entry, calls)


def run_worker(prepare):
    """`prepare` turns a job into a function for the call, which returns an array, and one for the result of the last call."""
    running, replies = {}, os.fdopen(3, "w")
    for line in sys.stdin:
        try:
            reply = answer(prepare, json.loads(line), running)
        except Exception as error:  # the bench reports it and goes on
            reply = {"ok": False, "error": repr(error)}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
