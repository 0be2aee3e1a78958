"""A contender's process in Python: the loop of race/serve.ts. Speaks the protocol of race/protocol.ts: a line of JSON each
way, replies on file descriptor 3, numbers in files."""

import json
import os
import sys
import time

import numpy as np


def run(call, calls):
    sink, start = 0.0, time.perf_counter_ns()
    for _ in range(calls):
        sink += call().flat[-1]
    return {"ok": True, "nanoseconds": (time.perf_counter_ns() - start) / calls, "calls": calls, "sink": float(sink)}


def answer(prepare, request, lanes):
    if request["do"] == "prepare":
        job = request["job"]
        call, result = prepare(job)
        first = run(call, job["calls"])
        np.ascontiguousarray(result(), dtype=np.float64).tofile(job["result"])
        spent = pace = first["nanoseconds"]
        while spent < request["warm"] * 1e6:
            pace = run(call, 1)["nanoseconds"]
            spent += pace
        lanes[request["id"]] = [call, pace]
        return first
    if request["do"] == "release":
        del lanes[request["id"]]
        return {"ok": True, "nanoseconds": 0, "calls": 0, "sink": 0}
    lane = lanes[request["id"]]
    calls = max(1, round(request["milliseconds"] * 1e6 / lane[1]))
    if calls > 1:
        run(lane[0], 1)
    done = run(lane[0], calls)
    lane[1] = done["nanoseconds"]
    return done


def serve(prepare):
    """`prepare` makes of a job the call, which gives an array, and what gives the result of the last one."""
    lanes, replies = {}, os.fdopen(3, "w")
    for line in sys.stdin:
        try:
            reply = answer(prepare, json.loads(line), lanes)
        except Exception as error:  # the conductor reports it and goes on
            reply = {"ok": False, "error": repr(error)}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
