"""Times passes of work for about a given number of seconds; the median speed is what counts."""
import argparse
import json
import statistics
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default="")
    return parser.parse_args()


class Bench:
    def __init__(self, args):
        self.args = args
        self.results = {}

    def wanted(self, name):
        return self.args.only in name

    def run(self, name, unit, work, one_pass):
        """work: what one pass does, in units (states, queries, ...)."""
        if not self.wanted(name):
            return
        one_pass()  # warms up
        speeds, spent = [], 0.0
        while spent < self.args.seconds or len(speeds) < 3:
            start = time.perf_counter()
            one_pass()
            spent += time.perf_counter() - start
            speeds.append(work / (time.perf_counter() - start))
        self.results[name] = {"value": statistics.median(speeds), "unit": unit + "/s"}

    def close(self):
        print(json.dumps(self.results, indent=1))
